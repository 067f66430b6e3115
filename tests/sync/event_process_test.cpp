// Event between processes, some of which die.

#include <multiprocessing/synchronize.hpp>

#include <chrono>
#include <vector>

#include <gtest/gtest.h>

#include "support/child.hpp"
#include "sync/lock_support.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;

std::vector<test::Child> run_waiters(const Event& event, int count) {
  std::vector<test::Child> waiters;
  waiters.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    waiters.push_back(test::Child::run([&] { test::require(event.wait(1h)); }));
  }
  test::await([&] { return test::sleepers_on(event) == count; });
  return waiters;
}

TEST(EventProcessTest, SetReleasesTheWaitersOfAllProcesses) {
  const Event event;
  auto waiters = run_waiters(event, 3);

  auto setter = test::Child::run([&] { event.set(); });

  for (test::Child& waiter : waiters) EXPECT_EQ(waiter.wait(), test::exited(0));
  EXPECT_EQ(setter.wait(), test::exited(0));
  EXPECT_TRUE(event.is_set());
}

TEST(EventProcessTest, SetThenClearReleasesAllWhoWaited) {
  const Event event;
  for (int round = 0; round < 10; ++round) {
    auto waiters = run_waiters(event, 3);

    event.set();
    event.clear();

    for (test::Child& waiter : waiters) ASSERT_EQ(waiter.wait(), test::exited(0));
  }
}

TEST(EventProcessTest, WaiterThatIsKilledBlocksNobody) {
  const Event event;
  auto waiters = run_waiters(event, 3);

  waiters[0].kill(SIGKILL);
  waiters[0].wait();
  event.set();

  EXPECT_EQ(waiters[1].wait(), test::exited(0));
  EXPECT_EQ(waiters[2].wait(), test::exited(0));
  event.clear();
  EXPECT_FALSE(event.wait(0s));
}

TEST(EventProcessTest, WhatWasWrittenBeforeTheSetIsSeenAfterTheWait) {
  const Event ready;
  const Event go_on;
  auto child = test::Child::run([&] {
    for (int i = 0; i < 1000; ++i) {
      test::require(ready.wait());
      ready.clear();
      go_on.set();
    }
  });

  for (int i = 0; i < 1000; ++i) {
    ready.set();
    ASSERT_TRUE(go_on.wait());
    go_on.clear();
  }

  EXPECT_EQ(child.wait(), test::exited(0));
}

}  // namespace
}  // namespace multiprocessing
