// JoinableQueue: what counts as done, whoever says so and whoever dies.

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <multiprocessing/queues.hpp>

#include "shm/block.hpp"
#include "shm/process_table.hpp"
#include "support/child.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using test::Child;
using test::require;

TEST(JoinableQueueTest, JoinWaitsUntilEachItemIsDone) {
  const JoinableQueue<int> queue;
  EXPECT_TRUE(queue.join());
  queue.put(1);
  queue.put(2);
  EXPECT_FALSE(queue.join(0s));
  EXPECT_EQ(queue.get(), 1);
  queue.task_done();
  EXPECT_FALSE(queue.join(10ms));
  EXPECT_EQ(queue.get(), 2);
  EXPECT_FALSE(queue.join(10ms));
  queue.task_done();
  EXPECT_TRUE(queue.join());
}

TEST(JoinableQueueTest, TaskDoneTooOftenThrows) {
  const JoinableQueue<std::string> queue;
  EXPECT_THROW(queue.task_done(), ValueError);
  queue.put("a");
  EXPECT_EQ(queue.get(), "a");
  queue.task_done();
  EXPECT_THROW(queue.task_done(), ValueError);
}

TEST(JoinableQueueTest, WorkersDoEverythingBeforeJoinReturns) {  // _TestQueue.test_task_done
  const JoinableQueue<int> queue(10);
  const Queue<int> done;
  std::vector<Child> workers;
  for (int i = 0; i < 3; ++i) {
    workers.push_back(Child::run([&] {
      for (const int item : queue) {
        const auto guard = queue.done_guard();
        if (item % 100 == 0) ::usleep(1000);  // slow now and then: join() must wait
        done.put(item);
      }
    }));
  }
  for (int i = 0; i < 2000; ++i) queue.put(i);
  EXPECT_TRUE(queue.join(20s));
  EXPECT_EQ(done.qsize(), 2000U);
  queue.shutdown();
  for (Child& worker : workers) EXPECT_EQ(worker.wait(), test::exited(0));
}

TEST(JoinableQueueTest, ItemThatItsConsumerPutsOnIsWaitedForToo) {
  const JoinableQueue<int> queue;
  auto worker = Child::run([&] {
    for (const int item : queue) {
      if (item > 0) queue.put(item - 1);
      queue.task_done();
    }
  });
  for (int round = 0; round < 200; ++round) {
    queue.put(20);
    ASSERT_TRUE(queue.join(20s));
    ASSERT_TRUE(queue.empty());
  }
  queue.shutdown();
  EXPECT_EQ(worker.wait(), test::exited(0));
}

TEST(JoinableQueueTest, OneProcessMaySayThatAnothersItemIsDone) {
  const JoinableQueue<int> queue;
  queue.put(1);
  auto child = Child::run([&] {
    require(queue.get() == 1);
    test::hang_up_and_wait();
  });
  child.await_hang_up();
  queue.task_done();
  EXPECT_TRUE(queue.join(0s));
}

TEST(JoinableQueueTest, ItemOfADeadConsumerCountsAsDone) {
  const JoinableQueue<int> queue;
  queue.put(1);
  queue.put(2);
  auto child = Child::run([&] {
    require(queue.get() == 1);
    test::hang_up_and_wait();
  });
  child.await_hang_up();
  EXPECT_EQ(queue.get(), 2);
  queue.task_done();
  EXPECT_FALSE(queue.join(10ms));
  child.kill(SIGKILL);
  EXPECT_TRUE(queue.join(10s));
  EXPECT_EQ(queue.try_get(), std::nullopt);
}

TEST(JoinableQueueTest, ItemOfADeadConsumerIsPutBackIfAskedFor) {
  const JoinableQueue<std::string> queue(0, OnDeath::requeue);
  queue.put("a");
  queue.put("b");
  auto child = Child::run([&] {
    require(queue.get() == "a");
    test::hang_up_and_wait();
  });
  child.await_hang_up();
  EXPECT_EQ(queue.get(), "b");
  queue.task_done();
  auto next = Child::run([&] {
    test::hang_up();
    require(queue.get(20s) == "a");
    queue.task_done();
  });
  next.await_hang_up();
  EXPECT_FALSE(queue.join(20ms));
  child.kill(SIGKILL);
  EXPECT_TRUE(queue.join(10s));
  EXPECT_EQ(next.wait(), test::exited(0));
}

TEST(JoinableQueueTest, ItemsOfDeadConsumersAreCountedAndSeen) {
  const JoinableQueue<int> queue(0, OnDeath::requeue);
  queue.put_many(std::vector{1, 2, 3, 4});
  auto child = Child::run([&] {
    for (int i = 0; i < 4; ++i) (void)queue.get();
  });
  ASSERT_EQ(child.wait(), test::exited(0));
  EXPECT_EQ(queue.qsize(), 4U);
  EXPECT_FALSE(queue.empty());
  std::set<int> again;
  for (int item : queue.get_many(10)) again.insert(item);
  EXPECT_EQ(again, (std::set{1, 2, 3, 4}));
}

TEST(JoinableQueueTest, EachThreadsItemIsItsOwn) {
  const JoinableQueue<int> queue(0, OnDeath::requeue);
  queue.put(1);
  queue.put(2);
  auto child = Child::run([&] {
    require(queue.get() == 1);
    std::thread other([&] {
      require(queue.get() == 2);
      queue.task_done();
    });
    other.join();
  });
  ASSERT_EQ(child.wait(), test::exited(0));
  EXPECT_EQ(queue.get(5s), 1);
  queue.task_done();
  EXPECT_TRUE(queue.join(0s));
}

TEST(JoinableQueueTest, ImmediateShutdownLeavesNothingToBeDone) {
  const JoinableQueue<int> queue;
  queue.put(1);
  auto child = Child::run([&] {
    test::hang_up();
    require(queue.join(20s));
  });
  child.await_hang_up();
  queue.shutdown(true);
  EXPECT_EQ(child.wait(), test::exited(0));
}

TEST(JoinableQueueTest, ItemWhoseDecodingThrowsIsDone) {
  const JoinableQueue<Queue<int>> mail;
  const auto forged = JoinableQueue<std::uint64_t>::from_handle_id(mail.handle_id());
  forged.put(12345);

  EXPECT_THROW((void)mail.get(), ValueError);
  EXPECT_TRUE(mail.join(0s));
}

TEST(JoinableQueueTest, ItemsInHandForLongDoNotMakeItGrow) {
  const JoinableQueue<int> queue;
  auto child = Child::run([&] {
    for (int i = 0; i < 500; ++i) require(queue.get(20s) == i);
    test::hang_up_and_wait();
  });
  for (int i = 0; i < 500; ++i) queue.put(i);
  child.await_hang_up();
  const auto pass_on = [&](int items) {
    for (int i = 0; i < items; ++i) {
      queue.put(i);
      ASSERT_EQ(queue.get(), i);
      queue.task_done();
    }
  };
  pass_on(1000);
  const auto before = shm::census();
  pass_on(20'000);
  EXPECT_LE(shm::census().blocks, before.blocks + 4);
}

TEST(JoinableQueueTest, ProducersOfAnItemOrTwoDoNotMakeItGrow) {
  constexpr int kInHand = 8;
  const JoinableQueue<int> queue;
  for (int i = 0; i < kInHand; ++i) queue.put(i);
  for (int i = 0; i < kInHand; ++i) EXPECT_EQ(queue.get(), i);
  const auto put_by_another = [&queue](bool by_its_child) {
    auto producer = test::Child::run([&] {
      queue.put(1);
      if (!by_its_child) return;
      auto child = test::Child::run([&queue] { queue.put(2); });
      test::require(child.wait() == test::exited(0));
    });
    EXPECT_EQ(producer.wait(), test::exited(0));
    while (queue.try_get()) queue.task_done();
    (void)shm::bury_the_dead();
  };
  put_by_another(true);
  const std::uint64_t before = shm::census().blocks;

  for (int i = 0; i < 50; ++i) put_by_another(i % 2 == 0);

  EXPECT_LE(shm::census().blocks, before + 5);
}

TEST(JoinableQueueTest, TravelsAsAHandleAndGivesEverythingBack) {
  const Queue<JoinableQueue<std::string>> mail;
  mail.put(JoinableQueue<std::string>());
  (void)mail.get();
  const auto before = shm::census();
  {
    const JoinableQueue<std::string> queue(0, OnDeath::requeue);
    for (int i = 0; i < 500; ++i) queue.put(std::string(static_cast<std::size_t>(i * 10), 'x'));
    for (int i = 0; i < 100; ++i) (void)queue.get();
    for (int i = 0; i < 50; ++i) queue.task_done();
    mail.put(queue);
    EXPECT_EQ(mail.get(), queue);
  }
  EXPECT_EQ(shm::census().blocks, before.blocks);
}

// test_shutdown_all_methods_in_many_threads and its immediate form
TEST(JoinableQueueShutdownTest, ManyProcessesAllEnd) {
  for (const bool immediate : {false, true}) {
    for (int round = 0; round < 5; ++round) {
      const JoinableQueue<int> queue(4);
      const Queue<int> got;
      const auto until_shut_down = [](auto step) {
        try {
          for (;;) step();
        } catch (const ShutDown&) {
          return;
        }
      };
      std::vector<Child> children;
      for (int i = 0; i < 4; ++i) {
        children.push_back(Child::run([&] { until_shut_down([&] { queue.put(1); }); }));
      }
      for (int i = 0; i < 6; ++i) {
        children.push_back(Child::run([&] {
          until_shut_down([&] {
            got.put(queue.get());
            queue.task_done();
          });
        }));
      }
      for (int i = 0; i < 2; ++i) {
        children.push_back(Child::run([&] { require(queue.join(20s)); }));
      }
      for (int i = 0; i < 50; ++i) ASSERT_EQ(got.get(20s), 1);
      queue.shutdown(immediate);
      for (Child& child : children) ASSERT_EQ(child.wait(), test::exited(0));
      EXPECT_TRUE(queue.join(0s));
      EXPECT_TRUE(queue.empty());
      EXPECT_EQ(queue.qsize(), 0U);
    }
  }
}

}  // namespace
}  // namespace multiprocessing
