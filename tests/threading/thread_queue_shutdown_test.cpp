// shutdown of the queues between threads; the names follow Python's test_queue.

#include <multiprocessing/queue.hpp>

#include <atomic>
#include <chrono>
#include <memory>

#include <gtest/gtest.h>

#include "threading/bunch.hpp"

namespace multiprocessing::queue {
namespace {

using namespace std::chrono_literals;
using test::Bunch;

template <class Q>
class QueueShutdownTest : public testing::Test {};
using Queues = testing::Types<Queue<int>, LifoQueue<int>, PriorityQueue<int>>;
TYPED_TEST_SUITE(QueueShutdownTest, Queues);

/// Whether `f` is told that the queue was shut down.
template <class F>
bool is_shut_down(F f) {
  try {
    f();
    return false;
  } catch (const ShutDown&) {
    return true;
  }
}

TYPED_TEST(QueueShutdownTest, EmptyQueueRefusesPutAndGet) {
  const TypeParam q;
  q.shutdown();
  EXPECT_THROW(q.put(1), ShutDown);
  EXPECT_THROW(q.get(), ShutDown);
  EXPECT_THROW(q.try_get(), ShutDown);
  EXPECT_THROW((void)q.try_put(1), ShutDown);
}

TYPED_TEST(QueueShutdownTest, WhatIsThereCanStillBeTaken) {
  const TypeParam q;
  q.put(1);
  q.shutdown();
  EXPECT_EQ(q.get(), 1);
  EXPECT_THROW(q.get(), ShutDown);
}

TYPED_TEST(QueueShutdownTest, MayBeRepeatedInEitherForm) {
  const TypeParam q;
  q.put(1);
  EXPECT_FALSE(q.is_shutdown());
  q.shutdown();
  q.shutdown();
  EXPECT_TRUE(q.is_shutdown());
  EXPECT_EQ(q.qsize(), 1U);
  q.shutdown(true);
  q.shutdown(true);
  q.shutdown();
  EXPECT_TRUE(q.is_shutdown());
  EXPECT_EQ(q.qsize(), 0U);
}

TYPED_TEST(QueueShutdownTest, AllMethodsAfterAGracefulOne) {
  const TypeParam q(2);
  q.put(1);
  q.put_nowait(2);
  q.shutdown();

  EXPECT_THROW(q.put(3), ShutDown);
  EXPECT_THROW(q.put_nowait(3), ShutDown);
  EXPECT_EQ(q.qsize(), 2U);
  q.get();
  q.get_nowait();
  EXPECT_THROW(q.get(), ShutDown);
  EXPECT_THROW(q.get_nowait(), ShutDown);
  q.task_done();
  EXPECT_FALSE(q.join(0s));
  q.task_done();
  EXPECT_TRUE(q.join());
}

TYPED_TEST(QueueShutdownTest, AllMethodsAfterAnImmediateOne) {
  const TypeParam q(2);
  q.put(1);
  q.put_nowait(2);
  q.shutdown(true);

  EXPECT_THROW(q.put(3), ShutDown);
  EXPECT_THROW(q.get(), ShutDown);
  EXPECT_TRUE(q.empty());
  EXPECT_FALSE(q.full());
  EXPECT_THROW(q.task_done(), ValueError);
  EXPECT_TRUE(q.join());
}

TYPED_TEST(QueueShutdownTest, ManyThreadsAllEnd) {
  for (const bool immediate : {false, true}) {
    const TypeParam q(4);
    std::atomic<int> put{0};
    std::atomic<int> got{0};
    Bunch writers(4, [&](int) {
      while (!is_shut_down([&] { q.put(1); })) ++put;
    });
    Bunch readers(6, [&](int) {
      while (!is_shut_down([&] { q.get(); })) {
        ++got;
        q.task_done();
      }
    });
    Bunch joiners(2, [&](int) { (void)q.join(1ms); });
    test::await([&] { return got > 100; });
    q.shutdown(immediate);
    writers.join();
    readers.join();
    EXPECT_TRUE(q.empty());
    EXPECT_TRUE(immediate || got == put);
    EXPECT_TRUE(q.join());
  }
}

TYPED_TEST(QueueShutdownTest, BlockedGettersAreReleased) {
  for (const bool immediate : {false, true}) {
    const TypeParam q;
    std::atomic<int> ended{0};
    {
      Bunch getters(2, [&](int) { ended += is_shut_down([&] { q.get(); }) ? 1 : 0; });
      q.shutdown(immediate);
    }
    EXPECT_EQ(ended, 2);
  }
}

TYPED_TEST(QueueShutdownTest, BlockedPuttersAreReleased) {
  for (const bool immediate : {false, true}) {
    const TypeParam q(1);
    q.put(0);
    std::atomic<int> ended{0};
    {
      Bunch putters(2, [&](int) { ended += is_shut_down([&] { q.put(1); }) ? 1 : 0; });
      q.shutdown(immediate);
    }
    EXPECT_EQ(ended, 2);
    EXPECT_EQ(q.qsize(), immediate ? 0U : 1U);
  }
}

TYPED_TEST(QueueShutdownTest, ImmediateOneReleasesJoiners) {
  const TypeParam q;
  q.put(1);
  q.put(2);
  Bunch joiners(2, [&](int) { EXPECT_TRUE(q.join()); });
  q.shutdown(true);
}

TYPED_TEST(QueueShutdownTest, JoinersOfAGracefulOneWaitForTheRemainingTasks) {
  const TypeParam q;
  q.put(1);
  q.put(2);
  Bunch joiners(2, [&](int) { EXPECT_TRUE(q.join()); });
  q.shutdown();
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(joiners.finished(), 0);
    q.get();
    q.task_done();
  }
}

TYPED_TEST(QueueShutdownTest, TaskThatWasTakenBeforeAnImmediateOneIsStillToBeDone) {
  const TypeParam q;
  q.put(1);
  q.put(2);
  q.get();
  q.shutdown(true);
  EXPECT_FALSE(q.join(0s));
  q.task_done();
  EXPECT_TRUE(q.join());
}

TEST(ThreadQueueShutdownTest, ImmediateOneDestroysWhatItDrops) {
  const Queue<std::shared_ptr<int>> q;
  const auto item = std::make_shared<int>(1);
  q.put(item);
  q.shutdown(true);
  EXPECT_EQ(item.use_count(), 1);
}

}  // namespace
}  // namespace multiprocessing::queue
