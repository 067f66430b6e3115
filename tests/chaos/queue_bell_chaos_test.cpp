// Kills processes that wait for a queue with a descriptor, and those that are about to ring them.

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <ostream>
#include <string>

#include <multiprocessing/queues.hpp>

#include "shm/block.hpp"
#include "shm/process_table.hpp"
#include "support/child.hpp"
#include "support/readable.hpp"
#include "sys/crash_point.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using test::Child;
using test::readable;
using test::require;

class QueueBellWaiterChaosTest : public testing::TestWithParam<const char*> {};

TEST_P(QueueBellWaiterChaosTest, OthersAreToldAndEverythingComesBack) {
  (void)shm::bury_the_dead();  // of an earlier case: the next drop lets go what they inherited
  {
    const Queue<int> warm_up;
    (void)warm_up.fileno();
    warm_up.put(1);
  }
  const auto before = shm::census();
  {
    const Queue<int> queue;
    auto victim = Child::run([&] {
      sys::arm_crash_point(GetParam());
      (void)queue.fileno();
    });
    ASSERT_EQ(victim.wait(), test::killed_by(SIGKILL));
    const int fd = queue.fileno();
    auto putter = Child::run([&] { queue.put(1); });
    EXPECT_TRUE(readable(fd, 10'000));
    EXPECT_EQ(putter.wait(), test::exited(0));
    EXPECT_EQ(queue.try_get(), 1);
    (void)shm::bury_the_dead();
  }
  EXPECT_EQ(shm::census().blocks, before.blocks);
}

INSTANTIATE_TEST_SUITE_P(Points, QueueBellWaiterChaosTest,
                         testing::Values("queue.bell.linked", "queue.bell.noted",
                                         "queue.bell.armed"));

class QueueBellWakerChaosTest : public testing::TestWithParam<const char*> {};

TEST_P(QueueBellWakerChaosTest, WhoeverPollsIsToldAllTheSame) {
  const Queue<int> queue;
  const int fd = queue.fileno();
  auto poller = Child::run([&] {
    const int own = queue.fileno();
    test::hang_up();
    require(readable(own, 20'000) && !queue.empty());
  });
  poller.await_hang_up();
  auto victim = Child::run([&] {
    sys::arm_crash_point(GetParam());
    queue.put(1);
  });
  ASSERT_EQ(victim.wait(), test::killed_by(SIGKILL));
  (void)shm::bury_the_dead();  // as any wait of the library in the family does

  EXPECT_TRUE(readable(fd));
  EXPECT_EQ(poller.wait(), test::exited(0));
  EXPECT_EQ(queue.try_get(), 1);
  EXPECT_EQ(queue.try_get(), std::nullopt);  // a death rings whether there is something or not
  EXPECT_FALSE(readable(fd));
}

INSTANTIATE_TEST_SUITE_P(Points, QueueBellWakerChaosTest,
                         testing::Values("queue.bell.found", "queue.bell.rung",
                                         "queue.bell.cleared"));

// What an event loop does: waits by the descriptor alone, and takes all there is.
void take_by_descriptor(const Queue<int>& queue, int count) {
  const int own = queue.fileno();
  test::hang_up();
  for (int taken = 0; taken < count;) {
    require(readable(own, 20'000));
    while (queue.try_get()) ++taken;
  }
}

class QueueBellStopChaosTest : public testing::TestWithParam<const char*> {};

TEST_P(QueueBellStopChaosTest, WhoeverPutsNextTellsThoseWhomAStoppedOneHasNot) {
  const Queue<int> queue;
  auto poller = Child::run([&] { take_by_descriptor(queue, 12); });
  poller.await_hang_up();
  auto stopped = Child::run([&] {
    sys::arm_stop_point(GetParam());
    queue.put(1);
    queue.put(2);
  });
  ASSERT_TRUE(stopped.await_stop());
  for (int i = 0; i < 10; ++i) {
    queue.put(i);
    ::usleep(1000);  // so that it may sleep again
    if (i == 4) stopped.kill(SIGCONT);
  }
  EXPECT_EQ(poller.wait(), test::exited(0));
  EXPECT_EQ(stopped.wait(), test::exited(0));
  EXPECT_TRUE(queue.empty());
}

TEST_P(QueueBellStopChaosTest, WhatOthersPutIsTakenWhileOneIsStopped) {
  const Queue<int> queue;
  auto poller = Child::run([&] { take_by_descriptor(queue, 2); });
  poller.await_hang_up();
  auto stopped = Child::run([&] {
    sys::arm_stop_point(GetParam());
    queue.put(1);
  });
  ASSERT_TRUE(stopped.await_stop());
  queue.put(2);
  EXPECT_EQ(poller.wait(), test::exited(0));
}

INSTANTIATE_TEST_SUITE_P(Points, QueueBellStopChaosTest,
                         testing::Values("queue.bell.found", "queue.bell.rung",
                                         "queue.bell.cleared"));

}  // namespace
}  // namespace multiprocessing
