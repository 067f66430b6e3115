// Cases of CPython's own tests of locks, conditions, semaphores and barriers that the other files
// do not have; each names the one it follows.

#include <multiprocessing/synchronize.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <multiprocessing/sharedctypes.hpp>

#include "support/child.hpp"
#include "support/shared.hpp"
#include "sync/condition_support.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;

TEST(ConformanceLockTest, HeldLockMayBeDestroyed) {  // BaseLockTests.test_acquire_destroy
  std::optional<Lock> lock(std::in_place);
  ASSERT_TRUE(lock->acquire());

  lock.reset();
}

TEST(ConformanceLockTest, ManyThreadsMayComeAndGo) {  // BaseLockTests.test_thread_leak
  const Lock lock;
  int inside = 0;
  for (int round = 0; round < 3; ++round) {
    std::vector<std::thread> threads;
    for (int i = 0; i < 15; ++i) {
      threads.emplace_back([&] {
        const std::lock_guard guard(lock);
        ++inside;
      });
    }
    for (std::thread& thread : threads) thread.join();
  }

  EXPECT_EQ(inside, 45);
}

TEST(ConformanceLockTest, LockIsUsableAfterATimeout) {  // LockTests.test_state_after_timeout
  const Lock lock;
  ASSERT_TRUE(lock.acquire());
  std::thread([&] { EXPECT_FALSE(lock.acquire(10ms)); }).join();

  lock.release();

  EXPECT_FALSE(lock.locked());
  EXPECT_TRUE(lock.acquire(false));
}

TEST(ConformanceLockTest, StandardConditionVariableAndScopedLockTakeIt) {
  const Lock lock;
  const RLock other;
  std::condition_variable_any changed;
  bool ready = false;
  std::thread setter([&] {
    const std::scoped_lock both(lock, other);
    ready = true;
    changed.notify_one();
  });
  {
    std::unique_lock held(lock);
    changed.wait(held, [&] { return ready; });
  }
  setter.join();

  EXPECT_FALSE(lock.locked() || other.locked());
}

TEST(ConformanceConditionTest, SixTimeOutAndSixAreWoken) {  // _TestCondition.test_notify_all
  const Condition condition;
  const auto wait = [&](Timeout timeout, bool woken) {
    const std::lock_guard guard(condition);
    test::require(condition.wait(timeout) == woken);
  };
  const auto run_six = [&](Timeout timeout, bool woken) {
    std::vector<test::Child> six;
    for (int i = 0; i < 6; ++i) six.push_back(test::Child::run([&] { wait(timeout, woken); }));
    return six;
  };
  for (test::Child& child : run_six(50ms, false)) EXPECT_EQ(child.wait(), test::exited(0));
  auto woken = run_six({}, true);
  test::await([&] { return test::waiters_of(condition) == 6; });

  {
    const std::lock_guard guard(condition);
    condition.notify_all();
  }

  for (test::Child& child : woken) EXPECT_EQ(child.wait(), test::exited(0));
}

TEST(ConformanceConditionTest, WaitForSeesAValueThatAnotherProcessChanges) {
  // _TestCondition.test_waitfor
  const Condition condition;
  const Value<int> state(0);
  auto child = test::Child::run([&] {
    const std::lock_guard guard(condition);
    state.value = 1;
    condition.notify();
    test::require(condition.wait_for([&] { return state.value == 4; }, 1h));
  });
  {
    const std::lock_guard guard(condition);
    EXPECT_TRUE(condition.wait_for([&] { return state.value == 1; }, 1h));
  }

  for (int i = 0; i < 3; ++i) {
    const std::lock_guard guard(condition);
    ++state.value;
    condition.notify();
  }

  EXPECT_EQ(child.wait(), test::exited(0));
}

TEST(ConformanceSemaphoreTest, AcquisitionsInPhasesAreAsManyAsPermits) {
  // BaseSemaphoreTests.test_acquire_contended
  const Semaphore semaphore(7);
  ASSERT_TRUE(semaphore.acquire());
  std::atomic<int> taken{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 10; ++i) {
    threads.emplace_back([&] {
      for (int turn = 0; turn < 2; ++turn) {
        semaphore.acquire();
        ++taken;
      }
    });
  }

  for (const int phase : {6, 13, 19}) {
    test::await([&] { return taken == phase; });
    EXPECT_EQ(semaphore.get_value(), 0);
    EXPECT_EQ(taken, phase);
    for (int i = 0; i < 7 && phase < 19; ++i) {
      if (phase == 13 && i == 6) break;
      semaphore.release();
    }
  }

  semaphore.release();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(taken, 20);
}

TEST(ConformanceSemaphoreTest, AsManyTriesSucceedAsThereArePermits) {
  // BaseSemaphoreTests.test_try_acquire_contended
  const Semaphore semaphore(4);
  ASSERT_TRUE(semaphore.acquire());
  std::atomic<int> got{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 5; ++i) {
    threads.emplace_back([&] {
      for (int turn = 0; turn < 2; ++turn) got += semaphore.acquire(false) ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(got, 3);
}

TEST(ConformanceBarrierTest, ThousandPassesStayInOrder) {  // _TestBarrier.test_thousand
  constexpr int kParties = 5;
  const Barrier barrier(kParties);
  const test::Shared<std::array<std::atomic<int>, kParties>> passes;
  std::vector<test::Child> parties;
  for (int me = 0; me < kParties; ++me) {
    parties.push_back(test::Child::run([&, me] {
      for (int pass = 1; pass <= 1000; ++pass) {
        (*passes)[static_cast<std::size_t>(me)] = pass;
        (void)barrier.wait();
        for (const auto& other : *passes) test::require(other == pass || other == pass + 1);
      }
    }));
  }

  for (test::Child& party : parties) EXPECT_EQ(party.wait(), test::exited(0));
}

TEST(ConformanceBarrierTest, OnePartyNeverWaits) {  // _TestBarrier.test_single_thread
  const Barrier barrier(1);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(barrier.wait(), 0);
}

}  // namespace
}  // namespace multiprocessing
