// Condition between processes, some of which die.

#include <multiprocessing/synchronize.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "support/child.hpp"
#include "support/shared.hpp"
#include "sync/condition_support.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;

std::vector<test::Child> run_waiters(const Condition& condition, int count,
                                     std::atomic<int>* woken = nullptr) {
  std::vector<test::Child> waiters;
  waiters.reserve(static_cast<std::size_t>(count));
  const int already = test::waiters_of(condition);
  for (int i = 0; i < count; ++i) {
    waiters.push_back(test::Child::run([&] {
      condition.acquire();
      test::require(condition.wait(1h));
      if (woken != nullptr) ++*woken;
      condition.release();
    }));
  }
  test::await([&] { return test::waiters_of(condition) == already + count; });
  return waiters;
}

TEST(ConditionProcessTest, NotifyAllReturnsAndWakesEverySurvivorOfARandomHalf) {
  std::mt19937 random(static_cast<std::uint64_t>(GTEST_FLAG_GET(random_seed) + 1));
  const Condition condition{RLock(Recovery::silent)};
  for (int round = 0; round < 100; ++round) {
    auto waiters = run_waiters(condition, 8);
    std::shuffle(waiters.begin(), waiters.end(), random);
    const bool reaped = round % 2 == 0;
    for (int i = 0; i < 4; ++i) waiters[static_cast<std::size_t>(i)].kill(SIGKILL);
    for (int i = 0; reaped && i < 4; ++i) waiters[static_cast<std::size_t>(i)].wait();

    condition.acquire();
    condition.notify_all();
    condition.release();

    for (std::size_t i = 4; i < 8; ++i) ASSERT_EQ(waiters[i].wait(), test::exited(0)) << round;
    waiters.clear();
    condition.acquire();
    EXPECT_FALSE(condition.wait(0s));
    condition.release();
  }
}

TEST(ConditionProcessTest, NotifyWakesExactlyOneOfTheSurvivors) {
  const Condition condition;
  const test::Shared<std::atomic<int>> woken(0);
  auto dead = run_waiters(condition, 2);
  auto waiters = run_waiters(condition, 3, woken.get());
  for (test::Child& child : dead) {
    child.kill(SIGKILL);
    child.wait();
  }

  for (int n = 1; n <= 3; ++n) {
    {
      const std::lock_guard guard(condition);
      condition.notify();
    }
    test::await([&] { return woken->load() == n; });
    (void)Event().wait(70ms);
    EXPECT_EQ(woken->load(), n);
  }

  for (test::Child& waiter : waiters) EXPECT_EQ(waiter.wait(), test::exited(0));
}

TEST(ConditionProcessTest, NotifyWakesExactlyOneAlsoAfterLongSlices) {
  const Condition condition;
  const test::Shared<std::atomic<int>> woken(0);
  auto waiters = run_waiters(condition, 3, woken.get());
  (void)Event().wait(1300ms);

  {
    const std::lock_guard guard(condition);
    condition.notify();
  }

  test::await([&] { return woken->load() == 1; });
  (void)Event().wait(1300ms);
  EXPECT_EQ(woken->load(), 1);
}

TEST(ConditionProcessTest, NotificationOfOneWhoDiesBeforeItReturnsGoesToAnother) {
  for (int round = 0; round < 10; ++round) {
    const Condition condition;
    const test::Shared<std::atomic<int>> woken(0);
    auto victim = run_waiters(condition, 1);
    auto others = run_waiters(condition, 2, woken.get());

    {
      const std::lock_guard guard(condition);
      condition.notify();  // the victim's, whose cell is the first; it cannot have the lock yet
      victim[0].kill(SIGKILL);
      victim[0].wait();
    }

    test::await([&] { return woken->load() == 1; });
    EXPECT_EQ(test::waiters_of(condition), 1);
    const std::lock_guard guard(condition);
    condition.notify();
  }
}

TEST(ConditionProcessTest, WaiterIsToldOfADeadHolderAndHoldsTheLock) {
  const Condition condition;
  const test::Shared<std::atomic<int>> told(0);
  auto waiter = test::Child::run([&] {
    const std::lock_guard guard(condition);
    try {
      (void)condition.wait(1h);
    } catch (const LockOwnerDied& error) {
      told->store(error.pid());
      condition.notify();  // throws unless the lock is held
    }
  });
  test::await([&] { return test::waiters_of(condition) == 1; });
  auto holder = test::Child::run([&] {
    condition.acquire();
    condition.notify();
    test::hang_up_and_wait();
  });
  holder.await_hang_up();
  holder.kill(SIGKILL);
  holder.wait();

  EXPECT_EQ(waiter.wait(), test::exited(0));
  EXPECT_EQ(told->load(), holder.pid());
  EXPECT_TRUE(condition.acquire(0s));
  EXPECT_EQ(test::cells_in_use(condition), 0);
}

TEST(ConditionProcessTest, NotificationThatTheDeadLeftIsNotForOneWhoComesLater) {
  const Condition condition;
  auto victim = run_waiters(condition, 1);
  {
    const std::lock_guard guard(condition);
    condition.notify();
    victim[0].kill(SIGKILL);
    victim[0].wait();
  }
  test::await([] { return shm::bury_the_dead() == 0; });

  const std::lock_guard guard(condition);
  EXPECT_FALSE(condition.wait(60ms));
  EXPECT_EQ(test::cells_in_use(condition), 0);
}

TEST(ConditionProcessTest, NotificationOfOneWhoDiesLaterIsNotForOneWhoCameLaterEither) {
  const Condition condition{RLock(Recovery::silent)};
  auto first = run_waiters(condition, 1);
  first[0].kill(SIGSTOP);
  {
    const std::lock_guard guard(condition);
    condition.notify();
  }
  auto late = test::Child::run([&] {
    const std::lock_guard guard(condition);
    test::require(!condition.wait(300ms));
  });
  test::await([&] { return test::waiters_of(condition) == 1; });

  first[0].kill(SIGKILL);  // notified, and not back

  EXPECT_EQ(late.wait(), test::exited(0));
}

TEST(ConditionProcessTest, ItemsOfManyProducersAllArrive) {
  struct Box {
    int items = 0;
    int taken = 0;
  };
  const Condition condition;
  const test::Shared<Box> box;
  std::vector<test::Child> children;
  children.reserve(6);
  for (int i = 0; i < 3; ++i) {
    children.push_back(test::Child::run([&] {
      for (int k = 0; k < 200; ++k) {
        const std::lock_guard guard(condition);
        ++box->items;
        condition.notify();
      }
    }));
    children.push_back(test::Child::run([&] {
      for (int k = 0; k < 200; ++k) {
        const std::lock_guard guard(condition);
        test::require(condition.wait_for([&] { return box->items > 0; }, 1h));
        --box->items;
        ++box->taken;
      }
    }));
  }

  for (test::Child& child : children) EXPECT_EQ(child.wait(), test::exited(0));
  EXPECT_EQ(box->taken, 600);
}

}  // namespace
}  // namespace multiprocessing
