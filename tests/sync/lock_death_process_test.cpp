// The death table of lib/sync/lock_state.hpp, as far as it can be had without crash points.

#include <multiprocessing/synchronize.hpp>

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <vector>

#include <gtest/gtest.h>

#include "support/child.hpp"
#include "support/shared.hpp"
#include "sync/lock_support.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;

/// Leaves the lock held by a process that has been killed; its pid.
template <class L>
pid_t orphan(const L& lock, int depth = 1) {
  auto holder = test::Child::run([&] {
    for (int i = 0; i < depth; ++i) test::require(lock.acquire());
    test::hang_up_and_wait();
  });
  holder.await_hang_up();
  holder.kill(SIGKILL);
  EXPECT_EQ(holder.wait(), test::killed_by(SIGKILL));
  return holder.pid();
}

/// The pid that LockOwnerDied names; 0 if the lock was acquired, -1 if it was not.
template <class L>
int told_by(const L& lock, Timeout timeout = {}) {
  try {
    return lock.acquire(timeout) ? 0 : -1;
  } catch (const LockOwnerDied& error) {
    return error.pid();
  }
}

TEST(LockDeathTest, NextAcquirerIsToldWhoDiedAndTheLockIsFree) {
  const Lock lock;
  const pid_t dead = orphan(lock);

  EXPECT_EQ(told_by(lock), dead);

  EXPECT_FALSE(lock.locked());
  EXPECT_EQ(told_by(lock), 0) << "nobody is told twice";
  EXPECT_FALSE(lock.owner_died());
}

TEST(LockDeathTest, AcquirerThatDoesNotBlockIsToldToo) {
  const Lock lock;
  const pid_t dead = orphan(lock);
  EXPECT_TRUE(lock.locked());

  EXPECT_EQ(told_by(lock, Timeout::zero()), dead);
  EXPECT_EQ(told_by(lock, Timeout::zero()), 0);
}

TEST(LockDeathTest, PidIsNamedAfterTheDeadOnesSlotWasReused) {
  const Lock lock;
  const pid_t dead = orphan(lock);
  test::await([] { return shm::bury_the_dead() == 0; });
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(test::Child::run([] { (void)shm::self(); }).wait(), test::exited(0));
  }

  EXPECT_EQ(told_by(lock), dead);
}

TEST(LockDeathTest, RecursiveLockOfADeadHolderIsRecoveredWhateverItsDepth) {
  const RLock lock;
  const pid_t dead = orphan(lock, 3);

  EXPECT_EQ(told_by(lock), dead);

  ASSERT_TRUE(lock.acquire(false));
  lock.release();
  EXPECT_FALSE(lock.locked());
}

TEST(LockDeathTest, SilentRecoveryGivesTheLockToTheNext) {
  const Lock lock(Recovery::silent);
  (void)orphan(lock);

  EXPECT_EQ(told_by(lock), 0);

  EXPECT_TRUE(lock.locked());
  EXPECT_FALSE(lock.owner_died());
}

TEST(LockDeathTest, HoldRecoveryGivesTheLockAndSaysSoUntilItIsReleased) {
  const Lock lock(Recovery::hold);
  (void)orphan(lock);

  ASSERT_EQ(told_by(lock), 0);

  EXPECT_TRUE(lock.locked());
  EXPECT_TRUE(lock.owner_died());
  lock.release();
  EXPECT_FALSE(lock.owner_died());
  ASSERT_EQ(told_by(lock), 0);
  EXPECT_FALSE(lock.owner_died());
}

TEST(LockDeathTest, RepairerThatDiesLeavesTheRepairToTheNext) {
  const RLock lock(Recovery::hold);
  (void)orphan(lock);
  auto repairer = test::Child::run([&] {
    test::require(lock.acquire() && lock.owner_died());
    test::hang_up_and_wait();
  });
  repairer.await_hang_up();
  repairer.kill(SIGKILL);
  repairer.wait();

  ASSERT_EQ(told_by(lock), 0);

  EXPECT_TRUE(lock.owner_died());
}

TEST(LockDeathTest, ReleaseByAnotherProcessBeforeAnyAcquireIsAPlainRelease) {
  const Lock lock;
  (void)orphan(lock);

  lock.release();

  EXPECT_EQ(told_by(lock), 0);
}

TEST(LockDeathTest, ExactlyOneOfManySleepersIsTold) {
  const Lock lock;
  const test::Shared<std::atomic<int>> told(0);
  const test::Shared<std::atomic<int>> acquired(0);
  auto holder = test::Child::run([&] {
    test::require(lock.acquire());
    test::hang_up_and_wait();
  });
  holder.await_hang_up();
  std::vector<test::Child> waiters;
  waiters.reserve(4);
  for (int i = 0; i < 4; ++i) {
    waiters.push_back(test::Child::run([&] {
      const int pid = told_by(lock);
      if (pid == holder.pid()) ++*told;
      if (pid != 0) test::require(lock.acquire());
      ++*acquired;
      lock.release();
    }));
  }
  test::await([&] { return test::sleepers_on(lock) == 4; });

  holder.kill(SIGKILL);

  for (test::Child& waiter : waiters) EXPECT_EQ(waiter.wait(), test::exited(0));
  EXPECT_EQ(told->load(), 1);
  EXPECT_EQ(acquired->load(), 4);
  EXPECT_FALSE(lock.locked());
}

TEST(LockDeathTest, SleeperThatIsKilledBlocksNobody) {
  const Lock lock;
  for (int round = 0; round < 10; ++round) {
    ASSERT_TRUE(lock.acquire());
    auto sleeper = test::Child::run([&] { (void)lock.acquire(); });
    test::await([&] { return test::sleepers_on(lock) == 1; });
    auto survivor = test::Child::run([&] {
      test::require(lock.acquire());
      lock.release();
    });
    test::await([&] { return test::sleepers_on(lock) == 2; });

    sleeper.kill(SIGKILL);
    lock.release();

    // The first may have taken the lock, or the wake-up, with it: both are made good.
    const test::Status status = survivor.wait();
    if (status != test::exited(0)) {
      EXPECT_EQ(status, test::exited(test::kUncaughtException)) << "LockOwnerDied";
    }
    sleeper.wait();
    ASSERT_TRUE(told_by(lock) >= 0);
    lock.unlock();
  }
}

TEST(LockDeathTest, HolderThatExitsIsDeadToo) {
  const Lock lock;
  auto holder = test::Child::run([&] { test::require(lock.acquire()); });
  ASSERT_EQ(holder.wait(), test::exited(0));

  EXPECT_EQ(told_by(lock), holder.pid());
}

}  // namespace
}  // namespace multiprocessing
