// What CPython's own tests check of multiprocessing.Queue and SimpleQueue, case by case.

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <string>
#include <vector>

#include <multiprocessing/queues.hpp>

#include "support/child.hpp"

namespace multiprocessing {

namespace {

using namespace std::chrono_literals;
using test::Child;
using test::require;
using Clock = std::chrono::steady_clock;

template <class E, class F>
Clock::duration time_until_throws(F call) {
  const auto start = Clock::now();
  EXPECT_THROW(call(), E);
  return Clock::now() - start;
}

TEST(QueueConformanceTest, PutFillsTheQueueAndTimesOut) {  // _TestQueue.test_put
  const Queue<int> queue(6);
  EXPECT_TRUE(queue.empty());
  EXPECT_FALSE(queue.full());
  queue.put(1);
  queue.put(2, true);
  queue.put(3, true, Timeout{});
  queue.put(4, false);
  queue.put(5, false, Timeout{});
  queue.put_nowait(6);
  EXPECT_FALSE(queue.empty());
  EXPECT_TRUE(queue.full());

  EXPECT_LT(time_until_throws<Full>([&] { queue.put(7, false); }), 1s);
  EXPECT_LT(time_until_throws<Full>([&] { queue.put(7, false, Timeout{}); }), 1s);
  EXPECT_LT(time_until_throws<Full>([&] { queue.put_nowait(7); }), 1s);
  EXPECT_GE(time_until_throws<Full>([&] { queue.put(7, true, 82ms); }), 82ms);
  EXPECT_LT(time_until_throws<Full>([&] { queue.put(7, false, 10s); }), 1s);
  EXPECT_GE(time_until_throws<Full>([&] { queue.put(7, 140ms); }), 140ms);

  auto child = Child::run([&] {
    for (int i = 0; i < 6; ++i) (void)queue.get();
  });
  EXPECT_EQ(child.wait(), test::exited(0));
  EXPECT_TRUE(queue.empty());
  EXPECT_FALSE(queue.full());
}

TEST(QueueConformanceTest, GetWithEveryFormOfArgument) {  // _TestQueue.test_get
  const Queue<int> queue;
  auto child = Child::run([&] {
    for (int i = 2; i <= 5; ++i) queue.put(i);
  });
  ASSERT_EQ(child.wait(), test::exited(0));
  EXPECT_FALSE(queue.empty());
  EXPECT_EQ(queue.get(true, Timeout{}), 2);
  EXPECT_EQ(queue.get(true), 3);
  EXPECT_EQ(queue.get(1s), 4);
  EXPECT_EQ(queue.get_nowait(), 5);
  EXPECT_TRUE(queue.empty());

  EXPECT_LT(time_until_throws<Empty>([&] { (void)queue.get(false); }), 1s);
  EXPECT_LT(time_until_throws<Empty>([&] { (void)queue.get(false, Timeout{}); }), 1s);
  EXPECT_LT(time_until_throws<Empty>([&] { (void)queue.get_nowait(); }), 1s);
  EXPECT_GE(time_until_throws<Empty>([&] { (void)queue.get(true, 82ms); }), 82ms);
  EXPECT_LT(time_until_throws<Empty>([&] { (void)queue.get(false, 10s); }), 1s);
  EXPECT_GE(time_until_throws<Empty>([&] { (void)queue.get(140ms); }), 140ms);
}

TEST(QueueConformanceTest, ItemsPutBeforeAForkComeOnce) {  // _TestQueue.test_fork
  const Queue<int> queue;
  for (int i = 0; i < 10; ++i) queue.put(i);
  auto child = Child::run([&] {
    for (int i = 10; i < 20; ++i) queue.put(i);
  });
  ASSERT_EQ(child.wait(), test::exited(0));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(queue.get(), i);
  EXPECT_THROW((void)queue.get(false), Empty);
}

TEST(QueueConformanceTest, QsizeFollowsPutsAndGets) {  // _TestQueue.test_qsize
  const Queue<int> queue;
  EXPECT_EQ(queue.qsize(), 0U);
  queue.put(1);
  EXPECT_EQ(queue.qsize(), 1U);
  queue.put(5);
  EXPECT_EQ(queue.qsize(), 2U);
  (void)queue.get();
  EXPECT_EQ(queue.qsize(), 1U);
  (void)queue.get();
  EXPECT_EQ(queue.qsize(), 0U);
}

TEST(QueueConformanceTest, TimedGetOnEmptyQueueWaitsThatLong) {  // _TestQueue.test_timeout
  const Queue<int> queue;
  EXPECT_GE(time_until_throws<Empty>([&] { (void)queue.get(true, 200ms); }), 200ms);
}

// _TestQueue.test_queue_feeder_donot_stop_onexc
TEST(QueueConformanceTest, ItemThatCannotBeEncodedIsThrownByPutAndTakesNoPlace) {
  const Queue<Queue<int>> mail(1);  // a moved-from handle cannot be sent
  Queue<int> gone;
  const Queue<int> there = std::move(gone);
  EXPECT_THROW(mail.put(gone), Error);  // NOLINT(bugprone-use-after-move): it is nobody's
  mail.put(there, false);
  EXPECT_EQ(mail.get(), there);
}

// _TestQueue.test_closed_queue_empty_exceptions
TEST(QueueConformanceTest, ClosedQueueCanStillBeAskedWhetherItIsEmpty) {
  const Queue<int> unused;
  unused.close();
  EXPECT_TRUE(unused.empty());
  const Queue<std::string> used;
  used.put("foo");
  used.close();
  EXPECT_FALSE(used.empty());
}

TEST(QueueConformanceTest, PutAndGetAfterCloseThrow) {  // test_closed_queue_put_get_exceptions
  for (const Queue<std::string>& queue :
       std::vector<Queue<std::string>>{Queue<std::string>(), JoinableQueue<std::string>()}) {
    queue.close();
    EXPECT_THROW(queue.put("foo"), ValueError);
    EXPECT_THROW((void)queue.get(), ValueError);
  }
}

TEST(QueueConformanceTest, SignalsDisturbNeitherPutNorGet) {  // TestIgnoreEINTR.test_ignore
  const Queue<std::string> there, back(1);
  auto child = Child::run([&] {
    struct sigaction action{};
    action.sa_handler = [](int) {};  // without SA_RESTART
    ::sigaction(SIGUSR1, &action, nullptr);
    test::hang_up();
    require(there.get() == "1234");
    for (int i = 0; i < 3; ++i) back.put(std::string(1 << 20, 'x'));
  });
  child.await_hang_up();
  for (int i = 0; i < 20; ++i) {
    ::usleep(2000);  // as CPython's test: signals spread over the wait
    child.kill(SIGUSR1);
  }
  there.put("1234");
  for (int i = 0; i < 20; ++i) {
    ::usleep(2000);  // as CPython's test: signals spread over the wait
    child.kill(SIGUSR1);
  }
  for (int i = 0; i < 3; ++i) EXPECT_EQ(back.get(10s).size(), 1U << 20U);
  EXPECT_EQ(child.wait(), test::exited(0));
}

TEST(SimpleQueueConformanceTest, EmptyUntilTheChildHasPut) {  // TestSimpleQueue.test_empty
  const SimpleQueue<bool> queue;
  EXPECT_TRUE(queue.empty());
  auto child = Child::run([&] {
    queue.put(true);
    queue.put(false);
  });
  ASSERT_EQ(child.wait(), test::exited(0));
  EXPECT_FALSE(queue.empty());
  EXPECT_TRUE(queue.get());
  EXPECT_FALSE(queue.get());
  EXPECT_TRUE(queue.empty());
}

TEST(SimpleQueueConformanceTest, CloseTwiceIsFine) {  // TestSimpleQueue.test_close
  const SimpleQueue<int> queue;
  queue.close();
  queue.close();
}

TEST(SimpleQueueConformanceTest, CloseClosesBothEnds) {  // TestSimpleQueue.test_closed
  const SimpleQueue<int> queue;
  queue.close();
  EXPECT_THROW(queue.put(1), ValueError);
  EXPECT_THROW((void)queue.get(), ValueError);
}

}  // namespace
}  // namespace multiprocessing
