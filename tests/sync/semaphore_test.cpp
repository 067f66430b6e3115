// Semaphore and BoundedSemaphore within one process; the names follow Python's.

#include <multiprocessing/synchronize.hpp>

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>
#include <unordered_set>
#include <vector>

#include <gtest/gtest.h>

#include "sync/lock_support.hpp"
#include "sync/semaphore_state.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

TEST(SemaphoreTest, PermitsAreTakenAndGivenBack) {
  const Semaphore semaphore(2);
  EXPECT_EQ(semaphore.get_value(), 2);
  EXPECT_TRUE(semaphore.acquire());
  EXPECT_EQ(semaphore.get_value(), 1);
  EXPECT_TRUE(semaphore.acquire());
  EXPECT_TRUE(semaphore.locked());
  EXPECT_FALSE(semaphore.acquire(false));
  semaphore.release();
  EXPECT_EQ(semaphore.get_value(), 1);
  semaphore.release();
  semaphore.release();
  EXPECT_EQ(semaphore.get_value(), 3) << "an unbounded one takes more than it was made with";
}

TEST(SemaphoreTest, BoundedOneReleasedTooOftenThrows) {
  const BoundedSemaphore semaphore(2);
  EXPECT_THROW(semaphore.release(), ValueError);

  EXPECT_TRUE(semaphore.acquire());
  semaphore.release();

  EXPECT_THROW(semaphore.release(), ValueError);
  semaphore.unlock();
  EXPECT_EQ(semaphore.get_value(), 2);
}

TEST(SemaphoreTest, NegativeValueThrows) {
  EXPECT_THROW(Semaphore(-1), ValueError);
  EXPECT_THROW(BoundedSemaphore(-1), ValueError);
  EXPECT_EQ(Semaphore(0).get_value(), 0);
}

TEST(SemaphoreTest, ReleaseBeyondTheLargestValueThrows) {
  const Semaphore semaphore(sync::kMaxPermits);

  EXPECT_THROW(semaphore.release(), ValueError);

  EXPECT_EQ(semaphore.get_value(), sync::kMaxPermits);
}

TEST(SemaphoreTest, TimeoutPassesBeforeFalse) {
  const Semaphore semaphore(0);
  const auto start = Clock::now();

  EXPECT_FALSE(semaphore.acquire(false, 1h));
  EXPECT_FALSE(semaphore.acquire(-1s));
  EXPECT_FALSE(semaphore.acquire(true, 120ms));
  EXPECT_FALSE(semaphore.try_lock());

  EXPECT_GE(Clock::now() - start, 120ms);
}

TEST(SemaphoreTest, EachReleaseLetsOneSleeperGo) {
  const Semaphore semaphore(0);
  std::atomic<int> woken{0};
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] { woken += semaphore.acquire(1h) ? 1 : 0; });
  }
  test::await([&] { return test::sleepers_on(semaphore) == 4; });

  for (int i = 0; i < 4; ++i) semaphore.release();

  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(woken.load(), 4);
  EXPECT_EQ(semaphore.get_value(), 0);
}

TEST(SemaphoreTest, NoMoreAreInsideThanThereArePermits) {
  const BoundedSemaphore semaphore(2);
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  std::vector<std::thread> threads;
  threads.reserve(5);
  for (int i = 0; i < 5; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 200; ++round) {
        const std::lock_guard guard(semaphore);
        int now = ++inside;
        for (int seen = most.load(); seen < now && !most.compare_exchange_weak(seen, now);) {
        }
        std::this_thread::yield();
        --inside;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_LE(most.load(), 2);
  EXPECT_EQ(semaphore.get_value(), 2);
}

TEST(SemaphoreTest, CopiesAndIdsAreTheSameSemaphore) {
  const BoundedSemaphore semaphore(3);
  const auto found = BoundedSemaphore::from_handle_id(semaphore.handle_id());
  const Semaphore plain = semaphore;

  EXPECT_TRUE(plain.acquire());

  EXPECT_EQ(found.get_value(), 2);
  EXPECT_EQ(found, semaphore);
  EXPECT_EQ(std::unordered_set<Semaphore>({semaphore, found, plain}).size(), 1U);
  EXPECT_NE(Semaphore(), plain);
  EXPECT_THROW(Semaphore::from_handle_id(Lock().handle_id()), ValueError);
  static_assert(is_transferable_v<Semaphore> && is_transferable_v<BoundedSemaphore>);
}

}  // namespace
}  // namespace multiprocessing
