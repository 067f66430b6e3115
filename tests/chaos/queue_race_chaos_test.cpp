// Two processes in one queue, of which one stops at a named point while the other does what the
// first one does not expect.

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <optional>
#include <string>

#include <multiprocessing/queues.hpp>

#include "shm/process_table.hpp"
#include "support/chaos.hpp"
#include "support/child.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using test::Child;
using test::require;

TEST(QueueRaceChaosTest, LostRaceForAnItemOfTheDeadLeavesNothingInHand) {
  const JoinableQueue<int> queue(0, OnDeath::requeue);
  queue.put(1);
  auto dead = Child::run([&] { require(queue.get() == 1); });
  ASSERT_EQ(dead.wait(), test::exited(0));
  queue.put(0);
  // Has 0 in hand, finds 1 that has come back, and is too late for it.
  auto loser = test::run_to_stop("queue.ticket.found", 1, [&] {
    require(queue.get() == 0);
    require(queue.try_get() == std::nullopt);
    queue.task_done();  // 0
  });
  EXPECT_EQ(queue.get(5s), 1);
  loser.kill(SIGCONT);
  EXPECT_EQ(loser.wait(), test::exited(0));

  EXPECT_EQ(queue.try_get(), std::nullopt) << "0 was done before its consumer ended";
  EXPECT_FALSE(queue.join(0s)) << "1 is in hand here";
  queue.task_done();
  EXPECT_TRUE(queue.join(0s));
}

TEST(QueueRaceChaosTest, JoinReturnsThoughWhoeverShutDownAtOnceDiedBeforeItDroppedTheItems) {
  const JoinableQueue<std::string> queue;
  queue.put("a");
  queue.put("b");
  test::expect_death_at("queue.shutdown.marked", 1, [&] { queue.shutdown(true); });

  EXPECT_TRUE(queue.join(10s));
  EXPECT_EQ(queue.qsize(), 0U);
}

TEST(QueueRaceChaosTest, ItemsGoWithTheFirstGetThoughWhoeverShutDownAtOnceDied) {
  const Queue<Queue<int>> mail;
  mail.put(Queue<int>());
  test::expect_death_at("queue.shutdown.marked", 1, [&] { mail.shutdown(true); });

  EXPECT_THROW((void)mail.get(), ShutDown);
  EXPECT_EQ(mail.qsize(), 0U);
}

TEST(QueueRaceChaosTest, JoinReturnsThoughAPutWasLateForAShutdownAtOnce) {
  const JoinableQueue<int> queue;
  auto putter = test::run_to_stop("queue.ticket.taken", 1, [&] { queue.put(1); });
  queue.shutdown(true);
  putter.kill(SIGCONT);
  EXPECT_EQ(putter.wait(), test::exited(0));

  EXPECT_EQ(queue.qsize(), 0U) << "the late one drops its item itself";
  EXPECT_TRUE(queue.join(10s));
}

TEST(QueueRaceChaosTest, JoinReturnsThoughTheLatePutterDiesBeforeItDropsItsItem) {
  const JoinableQueue<int> queue;
  auto putter = test::run_to_stop("queue.ticket.linked", 1, [&] {
    queue.put(1);
    require(false);
  });
  auto joiner = Child::run([&] {
    test::hang_up();
    require(queue.join(20s));
  });
  joiner.await_hang_up();
  queue.shutdown(true);
  putter.kill(SIGKILL);

  EXPECT_EQ(joiner.wait(), test::exited(0));
  EXPECT_EQ(putter.wait(), test::killed_by(SIGKILL));
}

TEST(QueueRaceChaosTest, ForkedCopyOfAViewIsNobodysItem) {
  const JoinableQueue<int> queue(0, OnDeath::requeue);
  const Queue<int> turn;
  queue.put(1);
  queue.put(2);
  std::optional view = queue.get_view();
  auto child = Child::run([&] {
    require(queue.get() == 2);
    view.reset();  // the parent's
    test::hang_up();
    require(turn.get(20s) == 1);
    queue.task_done();  // 2
  });
  child.await_hang_up();
  view.reset();
  turn.put(1);
  ASSERT_EQ(child.wait(), test::exited(0));

  EXPECT_EQ(queue.try_get(), std::nullopt) << "2 was done before its consumer ended";
  EXPECT_FALSE(queue.join(0s)) << "1 is in hand here";
  queue.task_done();
  EXPECT_TRUE(queue.join(0s));
}

}  // namespace
}  // namespace multiprocessing
