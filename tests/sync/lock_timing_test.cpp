// The bounds that synchronize.hpp promises, with twice the bound. Run alone.

#include <multiprocessing/synchronize.hpp>

#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <vector>

#include <gtest/gtest.h>

#include "support/child.hpp"
#include "support/shared.hpp"
#include "sync/lock_support.hpp"
#include "sys/clock.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;

constexpr sys::Nanoseconds kTwiceThePromise = 200'000'000;

struct Told {
  std::atomic<int> count{0};
  std::atomic<sys::Nanoseconds> at{0};
};

TEST(LockTimingTest, SleeperIsToldOfADeadHolderWithinAHundredMilliseconds) {
  for (int round = 0; round < 10; ++round) {
    const Lock lock;
    const test::Shared<Told> told;
    auto holder = test::Child::run([&] {
      test::require(lock.acquire());
      test::hang_up_and_wait();
    });
    holder.await_hang_up();
    std::vector<test::Child> waiters;
    waiters.reserve(3);
    for (int i = 0; i < 3; ++i) {
      waiters.push_back(test::Child::run([&] {
        try {
          test::require(lock.acquire());
          lock.release();
        } catch (const LockOwnerDied&) {
          told->at.store(sys::now());
          ++told->count;
        }
      }));
    }
    test::await([&] { return test::sleepers_on(lock) == 3; });

    const sys::Nanoseconds killed_at = sys::now();
    holder.kill(SIGKILL);

    for (test::Child& waiter : waiters) ASSERT_EQ(waiter.wait(), test::exited(0));
    ASSERT_EQ(told->count.load(), 1);
    EXPECT_LT(told->at.load() - killed_at, kTwiceThePromise);
  }
}

TEST(LockTimingTest, SleeperCostsNextToNoProcessorTime) {
  const Event never;
  auto sleeper = test::Child::run([&] {
    test::require(!never.wait(2s));
    rusage used{};
    test::require(::getrusage(RUSAGE_SELF, &used) == 0);
    test::require(used.ru_utime.tv_sec + used.ru_stime.tv_sec == 0);
    test::require(used.ru_utime.tv_usec + used.ru_stime.tv_usec < 50'000);
  });

  EXPECT_EQ(sleeper.wait(), test::exited(0));
}

}  // namespace
}  // namespace multiprocessing
