// A queue between processes: order, completeness, waiting, lanes that come and go.

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <numeric>
#include <set>
#include <string>
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

constexpr std::uint64_t kItems = 200'000;

std::uint64_t item_of(std::uint64_t producer, std::uint64_t number) {
  return producer << 32U | number;
}

TEST(QueueProcessTest, ChildGetsWhatTheParentPuts) {
  const Queue<std::string> queue;
  auto child = Child::run([&] {
    for (int i = 0; i < 1000; ++i) require(queue.get() == std::to_string(i));
  });
  for (int i = 0; i < 1000; ++i) queue.put(std::to_string(i));

  EXPECT_EQ(child.wait(), test::exited(0));
}

TEST(QueueProcessTest, SleepingConsumerIsWokenByEachPut) {
  const Queue<int> there, back;
  auto child = Child::run([&] {
    for (;;) back.put(there.get());
  });
  for (int i = 0; i < 50; ++i) {
    if (i % 10 == 0) {
      EXPECT_EQ(back.try_get(20ms), std::nullopt);  // the child falls asleep meanwhile
    }
    there.put(i);
    ASSERT_EQ(back.get(10s), i);
  }
}

TEST(QueueProcessTest, SleepingProducerIsWokenByEachGet) {
  const Queue<int> queue(1);
  auto child = Child::run([&] {
    for (int i = 0; i < 200; ++i) queue.put(i);
  });
  for (int i = 0; i < 200; ++i) {
    if (i % 50 == 0) ::usleep(5000);  // the child falls asleep meanwhile, or not
    ASSERT_EQ(queue.get(10s), i);
  }
  EXPECT_EQ(child.wait(), test::exited(0));
}

// Two producers, two consumers: the exact set, in the order of each producer.
void exchange(const Queue<std::uint64_t>& queue, std::uint64_t items) {
  const Queue<std::vector<std::uint64_t>> results;
  std::vector<Child> children;
  for (std::uint64_t producer = 0; producer < 2; ++producer) {
    children.push_back(Child::run([&, producer] {
      for (std::uint64_t i = 0; i < items; ++i) queue.put(item_of(producer, i));
    }));
    children.push_back(Child::run([&] {
      std::vector<std::uint64_t> got;
      for (std::uint64_t item : queue) got.push_back(item);
      results.put(got);
    }));
  }
  for (std::size_t i = 0; i < children.size(); i += 2) {
    ASSERT_EQ(children[i].wait(), test::exited(0));
  }
  queue.shutdown();
  std::set<std::uint64_t> all;
  for (int i = 0; i < 2; ++i) {
    std::uint64_t next[2] = {0, 0};
    for (const std::uint64_t item : results.get(30s)) {
      ASSERT_TRUE(all.insert(item).second) << "twice: " << item;
      ASSERT_GE(item & 0xFFFFFFFFU, next[item >> 32U]);
      next[item >> 32U] = (item & 0xFFFFFFFFU) + 1;
    }
  }
  EXPECT_EQ(all.size(), 2 * items);
}

TEST(QueueProcessTest, TwoProducersAndTwoConsumersExchangeTheExactSet) {
  exchange(Queue<std::uint64_t>(), kItems);
}

TEST(QueueProcessTest, TwoProducersAndTwoConsumersExchangeTheExactSetThroughFewPlaces) {
  exchange(Queue<std::uint64_t>(3), kItems / 20);
}

TEST(QueueProcessTest, ManyItemsAtOnceBetweenProcesses) {
  const Queue<int> queue(500);
  auto child = Child::run([&] { queue.put_many(range(100'000)); });
  int next = 0;
  while (next < 100'000) {
    for (const int item : queue.get_many(100, 10s)) ASSERT_EQ(item, next++);
  }
  EXPECT_EQ(child.wait(), test::exited(0));
}

TEST(QueueProcessTest, BoundedQueueNeverHoldsMoreThanItsMaxsize) {
  const Queue<int> queue(5);
  std::vector<Child> children;
  for (int i = 0; i < 3; ++i) {
    children.push_back(Child::run([&] {
      for (int j = 0; j < 5000; ++j) queue.put(j);
    }));
  }
  for (int i = 0; i < 15'000; ++i) {
    if (i % 100 == 0) {
      ASSERT_LE(queue.qsize(), 5U);
    }
    (void)queue.get(20s);
  }
  for (Child& child : children) EXPECT_EQ(child.wait(), test::exited(0));
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(queue.try_put(i));
  EXPECT_FALSE(queue.try_put(0));
}

TEST(QueueProcessTest, ParentJoinsAChildThatPut64MegabytesBeforeItGetsThem) {
  const Queue<std::vector<std::uint8_t>> queue;
  auto child = Child::run([&] {
    for (std::uint8_t i = 0; i < 64; ++i) queue.put(std::vector<std::uint8_t>(1'000'000, i));
  });
  ASSERT_EQ(child.wait(), test::exited(0));

  for (std::uint8_t i = 0; i < 64; ++i) {
    ASSERT_EQ(queue.get(5s), std::vector<std::uint8_t>(1'000'000, i));
  }
}

TEST(QueueProcessTest, ShutdownWakesThoseWhoWait) {
  const Queue<int> queue(1);
  const Queue<int> empty;
  queue.put(0);
  const auto waits = [](auto call) {
    return Child::run([call] {
      test::hang_up();
      try {
        call();
      } catch (const ShutDown&) {
        return;
      }
      require(false);
    });
  };
  Child producer = waits([&] { queue.put(1); });
  Child consumer = waits([&] { (void)empty.get(); });
  producer.await_hang_up();
  consumer.await_hang_up();
  ::usleep(20'000);  // most likely asleep by now
  queue.shutdown();
  empty.shutdown();

  EXPECT_EQ(producer.wait(), test::exited(0));
  EXPECT_EQ(consumer.wait(), test::exited(0));
}

TEST(QueueProcessTest, StoppedProducerDelaysNobody) {
  const Queue<std::uint64_t> queue;
  auto child = Child::run([&] {
    test::hang_up();
    for (std::uint64_t i = 0;; ++i) queue.put(i);
  });
  child.await_hang_up();
  (void)queue.get(10s);
  child.kill(SIGSTOP);
  const auto start = std::chrono::steady_clock::now();
  std::uint64_t got = 0;
  while (queue.try_get()) ++got;

  EXPECT_THROW((void)queue.get(50ms), Empty);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 20s) << got;
  queue.put(1);
  EXPECT_EQ(queue.get(1s), 1U);
}

TEST(QueueProcessTest, CloseInAChildLeavesTheParentItsQueue) {
  const Queue<int> queue;
  queue.put(1);
  auto child = Child::run([&] {
    queue.close();
    try {
      queue.put(2);
    } catch (const ValueError&) {
      return;
    }
    require(false);
  });
  EXPECT_EQ(child.wait(), test::exited(0));
  EXPECT_EQ(queue.get(), 1);
  queue.close();
  auto grandchild = Child::run([&] { queue.put(3); });  // as in Python: a child is not closed
  EXPECT_EQ(grandchild.wait(), test::exited(0));
}

TEST(QueueProcessTest, ShortLivedProducersShareOneLane) {
  const Queue<int> queue;
  auto before = shm::census();
  for (int i = 0; i < 300; ++i) {
    auto child = Child::run([&] { queue.put(i); });
    ASSERT_EQ(queue.get(10s), i);
    ASSERT_EQ(child.wait(), test::exited(0));
    if (i == 20) before = shm::census();
  }
  (void)shm::bury_the_dead();
  EXPECT_EQ(queue.try_get(), std::nullopt);
  EXPECT_LE(shm::census().bytes, before.bytes + 8192);
}

TEST(QueueProcessTest, ManyLanesWithItemsAreFoundAndGivenBack) {
  const Queue<int> queue;
  const auto before = shm::census();
  constexpr int kProducers = 200;
  for (int i = 0; i < kProducers; ++i) {
    auto child = Child::run([&] { queue.put(i); });
    ASSERT_EQ(child.wait(), test::exited(0));
  }
  EXPECT_EQ(queue.qsize(), 200U);
  std::set<int> got;
  for (int i = 0; i < kProducers; ++i) got.insert(queue.get(10s));
  EXPECT_EQ(got.size(), 200U);
  (void)shm::bury_the_dead();
  EXPECT_TRUE(queue.empty());
  EXPECT_LE(shm::census().bytes, before.bytes + 600'000);  // the lanes' headers stay
}

TEST(QueueProcessTest, HandleInAMessageOfADeadProducerWorks) {
  const Queue<Queue<std::string>> mail;
  auto child = Child::run([&] {
    const Queue<std::string> inner;
    inner.put("from the dead");
    mail.put(inner);
  });
  ASSERT_EQ(child.wait(), test::exited(0));
  (void)shm::bury_the_dead();
  EXPECT_EQ(mail.get(5s).get(5s), "from the dead");
}

// Each puts and gets at random; whenever all rest, qsize is what is there, whoever has died.
TEST(QueueProcessTest, QsizeIsExactWhenNobodyIsInACall) {
  for (const std::size_t maxsize : {std::size_t{0}, std::size_t{100}}) {
    const Queue<int> queue(maxsize);
    const Queue<int> balance;
    std::int64_t there = 0;
    for (unsigned round = 0; round < 20; ++round) {
      std::vector<Child> children;
      for (unsigned i = 0; i < 3; ++i) {
        children.push_back(Child::run([&, i] {
          int put = 0;
          for (unsigned step = 0; step < 300; ++step) {
            if ((step * 7 + i * 3 + round) % 5 < 3) {
              put += queue.try_put(1) ? 1 : 0;
            } else {
              put -= queue.try_get() ? 1 : 0;
            }
          }
          balance.put(put);
          if (i == 2) ::kill(::getpid(), SIGKILL);
        }));
      }
      for (Child& child : children) (void)child.wait();
      for (int i = 0; i < 3; ++i) there += balance.get(20s);
      ASSERT_EQ(queue.qsize(), static_cast<std::size_t>(there)) << "in round " << round;
      ASSERT_EQ(queue.empty(), there == 0);
      ASSERT_EQ(queue.full(), maxsize != 0 && queue.qsize() == maxsize);
    }
    while (queue.try_get()) ASSERT_EQ(queue.qsize(), static_cast<std::size_t>(--there));
    EXPECT_EQ(there, 0);
  }
}

}  // namespace
}  // namespace multiprocessing
