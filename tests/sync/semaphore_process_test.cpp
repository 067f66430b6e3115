// Semaphore between processes, some of which die.

#include <multiprocessing/synchronize.hpp>

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

TEST(SemaphoreProcessTest, NoMoreAreInsideThanThereArePermits) {
  const Semaphore semaphore(2);
  const test::Shared<std::atomic<int>> inside(0);
  std::vector<test::Child> children;
  children.reserve(4);
  for (int i = 0; i < 4; ++i) {
    children.push_back(test::Child::run([&] {
      for (int round = 0; round < 300; ++round) {
        test::require(semaphore.acquire());
        test::require(++*inside <= 2);
        ::sched_yield();
        --*inside;
        semaphore.release();
      }
    }));
  }

  for (test::Child& child : children) EXPECT_EQ(child.wait(), test::exited(0));
  EXPECT_EQ(semaphore.get_value(), 2);
}

TEST(SemaphoreProcessTest, PermitOfTheDeadStaysTaken) {
  const Semaphore semaphore(2);
  auto holder = test::Child::run([&] {
    test::require(semaphore.acquire());
    test::hang_up_and_wait();
  });
  holder.await_hang_up();
  holder.kill(SIGKILL);
  holder.wait();

  EXPECT_TRUE(semaphore.acquire(0s));
  EXPECT_FALSE(semaphore.acquire(60ms));
}

TEST(SemaphoreProcessTest, SleeperThatIsKilledBlocksNobody) {
  const Semaphore semaphore(0);
  for (int round = 0; round < 10; ++round) {
    auto sleeper = test::Child::run([&] { (void)semaphore.acquire(); });
    test::await([&] { return test::sleepers_on(semaphore) == 1; });
    auto survivor = test::Child::run([&] { test::require(semaphore.acquire()); });
    test::await([&] { return test::sleepers_on(semaphore) == 2; });

    sleeper.kill(SIGKILL);
    ASSERT_EQ(sleeper.wait(), test::killed_by(SIGKILL));
    semaphore.release();

    ASSERT_EQ(survivor.wait(), test::exited(0));
    ASSERT_EQ(semaphore.get_value(), 0);
  }
}

}  // namespace
}  // namespace multiprocessing
