// The lock that guards a socket: between threads, with a deadline, and across a fork.

#include "connection/process_lock.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "support/child.hpp"

namespace multiprocessing::connection {
namespace {

using Taken = ProcessLock::Taken;

TEST(ProcessLockTest, HeldLockIsNotTakenBeforeTheDeadline) {
  ProcessLock lock;
  const Locked held(lock);

  std::thread other([&] {
    EXPECT_EQ(lock.lock(0), Taken::timed_out);
    EXPECT_EQ(lock.lock(sys::deadline_after(10'000'000)), Taken::timed_out);
  });
  other.join();
}

TEST(ProcessLockTest, ManyThreadsCountWithoutLoss) {
  constexpr int kThreads = 4;
  constexpr int kTurns = 20'000;
  ProcessLock lock;
  int count = 0;

  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int turn = 0; turn < kTurns; ++turn) {
        const Locked held(lock);
        ++count;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(count, kThreads * kTurns);
}

TEST(ProcessLockTest, SleeperIsWokenByTheUnlock) {
  ProcessLock lock;
  lock.lock();
  std::atomic<bool> taken{false};

  std::thread sleeper([&] {
    const Locked held(lock);
    taken = true;
  });
  lock.unlock();
  sleeper.join();

  EXPECT_TRUE(taken);
}

TEST(ProcessLockTest, LockThatAnAncestorHeldIsFreeInAForkedChild) {
  ProcessLock lock;
  const Locked held(lock);

  auto child = test::Child::run([&] {
    test::require(lock.lock(0) == Taken::from_an_ancestor);
    test::require(lock.lock(0) == Taken::timed_out);
    lock.unlock();
    test::require(lock.lock(0) == Taken::yes);
  });

  EXPECT_EQ(child.wait(), test::exited(0));
}

}  // namespace
}  // namespace multiprocessing::connection
