// The bounds of Condition and Barrier after a death, with twice the bound. Run alone.

#include <multiprocessing/synchronize.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <vector>

#include <gtest/gtest.h>

#include "support/child.hpp"
#include "support/shared.hpp"
#include "sync/condition_support.hpp"
#include "sys/clock.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;

constexpr sys::Nanoseconds kTwiceThePromise = 200'000'000;

TEST(BarrierTimingTest, PartyThatIsKilledBreaksItForTheOthersWithinAHundredMilliseconds) {
  for (int round = 0; round < 5; ++round) {
    const Barrier barrier(4);
    const test::Shared<std::atomic<sys::Nanoseconds>> last(0);
    std::vector<test::Child> parties;
    parties.reserve(3);
    for (int i = 0; i < 3; ++i) {
      parties.push_back(test::Child::run([&] {
        try {
          (void)barrier.wait();
        } catch (const BrokenBarrierError&) {
          last->store(sys::now());
        }
      }));
    }
    test::await([&] { return test::sleepers_on(barrier) == 3; });

    const sys::Nanoseconds killed_at = sys::now();
    parties[0].kill(SIGKILL);

    EXPECT_EQ(parties[1].wait(), test::exited(0));
    EXPECT_EQ(parties[2].wait(), test::exited(0));
    EXPECT_GT(last->load(), 0);
    EXPECT_LT(last->load() - killed_at, kTwiceThePromise);
  }
}

TEST(BarrierTimingTest, DeathInTheActionIsFoundByThoseWhoAllSleep) {
  const Barrier barrier(3, [] { test::hang_up_and_wait(); });
  const test::Shared<std::atomic<sys::Nanoseconds>> last(0);
  const auto arrive = [&] {
    try {
      (void)barrier.wait();
    } catch (const BrokenBarrierError&) {
      last->store(sys::now());
    }
  };
  std::vector<test::Child> parties;
  for (int i = 0; i < 2; ++i) parties.push_back(test::Child::run(arrive));
  test::await([&] { return test::sleepers_on(barrier) == 2; });
  auto actor = test::Child::run(arrive);
  actor.await_hang_up();

  const sys::Nanoseconds killed_at = sys::now();
  actor.kill(SIGKILL);

  for (test::Child& party : parties) EXPECT_EQ(party.wait(), test::exited(0));
  EXPECT_LT(last->load() - killed_at, kTwiceThePromise);
}

/// How long until one of three who sleep for what a dead process held is told or gets it.
template <class Acquire>
sys::Nanoseconds time_to_be_told(const std::function<void()>& take, Acquire acquire,
                                 const std::function<int()>& sleepers) {
  const test::Shared<std::atomic<sys::Nanoseconds>> told(0);
  auto holder = test::Child::run([&] {
    take();
    test::hang_up_and_wait();
  });
  holder.await_hang_up();
  std::vector<test::Child> waiters;
  for (int i = 0; i < 3; ++i) {
    waiters.push_back(test::Child::run([&] {
      acquire();
      sys::Nanoseconds nobody = 0;
      told->compare_exchange_strong(nobody, sys::now());
    }));
  }
  test::await([&] { return sleepers() == 3; });
  const sys::Nanoseconds killed_at = sys::now();
  holder.kill(SIGKILL);
  for (test::Child& waiter : waiters) EXPECT_EQ(waiter.wait(), test::exited(0));
  return told->load() - killed_at;
}

class HolderTimingTest : public testing::TestWithParam<Recovery> {};

TEST_P(HolderTimingTest, SleepersForARecursiveLockAreToldOfADeadHolder) {
  const RLock lock(GetParam());
  const auto enter_and_leave = [&] {
    try {
      test::require(lock.acquire());
      test::require(!lock.owner_died() || GetParam() == Recovery::hold);
      lock.release();
    } catch (const LockOwnerDied&) {
      test::require(GetParam() == Recovery::raise);
    }
  };
  EXPECT_LT(time_to_be_told([&] { lock.acquire(); }, enter_and_leave,
                            [&] { return test::sleepers_on(lock); }),
            kTwiceThePromise);
}

TEST_P(HolderTimingTest, SleepersForAConditionAreToldOfADeadHolder) {
  const RLock lock(GetParam());
  const Condition condition(lock);
  const auto enter_and_leave = [&] {
    try {
      condition.acquire();
      condition.release();
    } catch (const LockOwnerDied&) {
      test::require(GetParam() == Recovery::raise);
    }
  };
  EXPECT_LT(time_to_be_told([&] { condition.acquire(); }, enter_and_leave,
                            [&] { return test::sleepers_on(lock); }),
            kTwiceThePromise);
}

INSTANTIATE_TEST_SUITE_P(Recoveries, HolderTimingTest,
                         testing::Values(Recovery::raise, Recovery::hold, Recovery::silent));

TEST(ConditionTimingTest, NotifyAllDoesNotWaitForTheDead) {
  const Condition condition;
  std::vector<test::Child> waiters;
  waiters.reserve(8);
  for (int i = 0; i < 8; ++i) {
    waiters.push_back(test::Child::run([&] {
      condition.acquire();
      (void)condition.wait();
    }));
  }
  test::await([&] { return test::waiters_of(condition) == 8; });
  for (test::Child& waiter : waiters) waiter.kill(SIGSTOP);

  const sys::Nanoseconds start = sys::now();
  condition.acquire();
  condition.notify_all();
  condition.release();

  EXPECT_LT(sys::now() - start, 200'000'000);
  for (test::Child& waiter : waiters) waiter.kill(SIGKILL);
}

}  // namespace
}  // namespace multiprocessing
