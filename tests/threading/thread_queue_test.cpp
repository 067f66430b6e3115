// The queues between threads; the names follow Python's test_queue.

#include <multiprocessing/queue.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "threading/bunch.hpp"

namespace multiprocessing::queue {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using test::Bunch;

template <class Q>
concept GetsNumbers = requires(const Q& q) { q.get(5); } || requires(const Q& q) { q.get(0.5); };
static_assert(!GetsNumbers<Queue<int>>, "no time-out is a bare number");

template <class Q>
class AnyQueueTest : public testing::Test {};
using Queues = testing::Types<Queue<int>, LifoQueue<int>, PriorityQueue<int>>;
TYPED_TEST_SUITE(AnyQueueTest, Queues);

template <class Q>
std::vector<int> drained(const Q& q) {
  std::vector<int> items;
  while (!q.empty()) items.push_back(q.get());
  return items;
}

TEST(ThreadQueueTest, EachKindHasItsOrder) {
  const Queue<int> fifo;
  const LifoQueue<int> lifo;
  const PriorityQueue<int> smallest;
  const PriorityQueue<int, std::greater<>> largest;
  for (const int item : {111, 333, 222}) {
    fifo.put(item);
    lifo.put(item);
    smallest.put(item);
    largest.put(item);
  }
  EXPECT_EQ(drained(fifo), (std::vector{111, 333, 222}));
  EXPECT_EQ(drained(lifo), (std::vector{222, 333, 111}));
  EXPECT_EQ(drained(smallest), (std::vector{111, 222, 333}));
  EXPECT_EQ(drained(largest), (std::vector{333, 222, 111}));
}

TEST(ThreadQueueTest, PriorityQueueSortsManyItems) {
  const PriorityQueue<int> q;
  std::vector<int> sorted(1000);
  std::iota(sorted.begin(), sorted.end(), 0);
  for (int i = 0; i < 1000; ++i) q.put(i * 617 % 1000);
  EXPECT_EQ(drained(q), sorted);
}

TYPED_TEST(AnyQueueTest, BoundsAreKept) {
  const TypeParam q(2);
  EXPECT_TRUE(q.empty());
  q.put(1);
  EXPECT_FALSE(q.full());
  q.put_nowait(2);
  EXPECT_TRUE(q.full());
  EXPECT_EQ(q.qsize(), 2U);

  EXPECT_THROW(q.put_nowait(3), Full);
  EXPECT_THROW(q.put(3, false), Full);
  EXPECT_THROW(q.put(3, true, 5ms), Full);
  EXPECT_THROW(q.put(3, -1s), Full);
  EXPECT_FALSE(q.try_put(3));

  q.get();
  q.get();
  EXPECT_THROW(q.get_nowait(), Empty);
  EXPECT_THROW(q.get(false), Empty);
  EXPECT_THROW(q.get(5ms), Empty);
  EXPECT_FALSE(q.try_get());
}

TYPED_TEST(AnyQueueTest, GetWaitsForAPutAndPutForAGet) {
  const TypeParam q(1);
  int got = 0;
  std::thread getter([&] { got = q.get(); });
  q.put(5);
  getter.join();
  EXPECT_EQ(got, 5);

  q.put(6);
  std::thread putter([&] { q.put(7, 30s); });
  EXPECT_EQ(q.get(), 6);
  putter.join();
  EXPECT_EQ(q.get(), 7);
}

TYPED_TEST(AnyQueueTest, JoinWaitsForAllTasksAndMayBeCalledTwice) {
  const TypeParam q;
  std::atomic<int> sum{0};
  Bunch workers(2, [&](int) {
    for (const int item : q) {
      sum += item;
      q.task_done();
    }
  });
  for (int i = 0; i < 100; ++i) q.put(i);
  EXPECT_TRUE(q.join());
  EXPECT_EQ(sum, 4950);
  EXPECT_TRUE(q.join(0s));
  EXPECT_THROW(q.task_done(), ValueError);
  q.put(1000);
  EXPECT_TRUE(q.join());
  EXPECT_EQ(sum, 5950);
  q.shutdown();
}

TYPED_TEST(AnyQueueTest, JoinEndsInTime) {
  const TypeParam q;
  q.put(1);
  const auto start = Clock::now();
  EXPECT_FALSE(q.join(30ms));
  EXPECT_GE(Clock::now() - start, 30ms);
}

TYPED_TEST(AnyQueueTest, SmallerMaxsizeKeepsWhatIsThere) {
  const TypeParam q(10);
  for (int i = 0; i < 5; ++i) q.put(i);
  q.set_maxsize(3);
  EXPECT_TRUE(q.full());
  EXPECT_EQ(q.qsize(), 5U);
  q.get();
  q.get();
  EXPECT_THROW(q.put_nowait(9), Full);
  q.get();
  q.put_nowait(9);
}

TYPED_TEST(AnyQueueTest, NoItemIsLostOrDoubledBetweenManyThreads) {
  const TypeParam q(7);
  std::atomic<long> sum{0};
  Bunch getters(3, [&](int) {
    for (const int item : q) sum += item;
  });
  Bunch putters(3, [&](int me) {
    for (int i = 0; i < 2000; ++i) q.put(me * 2000 + i);
  });
  putters.join();
  q.shutdown();
  getters.join();
  EXPECT_EQ(sum, 5999L * 6000 / 2);
}

TEST(ThreadQueueTest, ItemsNeedOnlyBeMovable) {
  const Queue<std::unique_ptr<int>> q(1);
  q.put(std::make_unique<int>(3));
  auto refused = std::make_unique<int>(4);
  EXPECT_THROW(q.put_nowait(std::move(refused)), Full);
  ASSERT_TRUE(refused) << "an item that was not put is untouched";
  EXPECT_EQ(*q.get(), 3);
}

struct Touchy {
  int key = 0;
  bool operator<(const Touchy& other) const {
    if (key == 13 || other.key == 13) throw std::runtime_error("unlucky");
    return key < other.key;
  }
};

TEST(ThreadQueueTest, ComparisonThatThrowsLeavesTheQueueAsItWas) {
  const PriorityQueue<Touchy> q(3);
  q.put({2});
  q.put({1});
  EXPECT_THROW(q.put({13}), std::runtime_error);
  EXPECT_EQ(q.qsize(), 2U);
  EXPECT_EQ(q.unfinished_tasks(), 2U);
  q.put_nowait({3});
  EXPECT_EQ(q.get().key, 1);
  EXPECT_EQ(q.get().key, 2);
  EXPECT_EQ(q.get().key, 3);
}

TEST(ThreadQueueTest, CopiesAreTheSameQueue) {
  const Queue<int> q;
  const Queue<int> copy = q;
  copy.put(1);
  EXPECT_EQ(q.get(), 1);
  EXPECT_EQ(copy, q);
  EXPECT_NE(copy, Queue<int>());
}

TEST(ThreadSimpleQueueTest, PutAndGetInAllForms) {
  const SimpleQueue<int> q;
  EXPECT_TRUE(q.empty());
  q.put(1);
  q.put(2, false);
  q.put_nowait(3);
  EXPECT_EQ(q.qsize(), 3U);
  EXPECT_EQ(q.get(), 1);
  EXPECT_EQ(q.get(false), 2);
  EXPECT_EQ(q.get_nowait(), 3);
  EXPECT_THROW(q.get(false), Empty);
  EXPECT_THROW(q.get(1ms), Empty);
  EXPECT_THROW(q.get(-1s), Empty);
  EXPECT_FALSE(q.try_get());
}

TEST(ThreadSimpleQueueTest, OneFeederAndOneConsumerKeepTheOrder) {
  const SimpleQueue<int> q;
  Bunch feeder(1, [&](int) {
    for (int i = 0; i < 5000; ++i) q.put(i);
  });
  for (int i = 0; i < 5000; ++i) ASSERT_EQ(q.get(), i);
}

enum class How { blocking, polling, timed };

class SimpleQueueManyThreadsTest : public testing::TestWithParam<How> {};

TEST_P(SimpleQueueManyThreadsTest, NoItemIsLost) {
  const SimpleQueue<int> q;
  constexpr int kThreads = 50;
  constexpr int kItems = 100;
  std::atomic<long> sum{0};
  Bunch(kThreads * 2, [&](int me) {
    for (int i = 0; i < kItems; ++i) {
      if (me % 2 == 0) {
        q.put(me / 2 * kItems + i);
        continue;
      }
      std::optional<int> item;
      while (!item) {
        item = GetParam() == How::blocking ? q.get()
                                           : q.try_get(GetParam() == How::timed ? 10us : 0us);
      }
      sum += *item;
    }
  });
  EXPECT_EQ(sum, 4999L * 5000 / 2);
  EXPECT_TRUE(q.empty());
}

INSTANTIATE_TEST_SUITE_P(Forms, SimpleQueueManyThreadsTest,
                         testing::Values(How::blocking, How::polling, How::timed));

TEST(ThreadSimpleQueueTest, QueueKeepsNothingOfWhatWasTaken) {
  const SimpleQueue<std::shared_ptr<int>> q;
  const auto item = std::make_shared<int>(1);
  q.put(item);
  EXPECT_EQ(item.use_count(), 2);
  q.get();
  EXPECT_EQ(item.use_count(), 1);
  q.put(item);
  const SimpleQueue<std::shared_ptr<int>> gone;
  {
    const SimpleQueue<std::shared_ptr<int>> dropped;
    dropped.put(item);
  }
  EXPECT_EQ(item.use_count(), 2);
}

TEST(ThreadSimpleQueueTest, DestructorsOfItemsMayUseTheQueue) {
  struct Reborn {
    Reborn() = default;
    explicit Reborn(const SimpleQueue<Reborn>* to) : target(to) {}
    Reborn(Reborn&& other) noexcept : target(std::exchange(other.target, nullptr)) {}
    Reborn& operator=(Reborn&& other) noexcept {
      target = std::exchange(other.target, nullptr);
      return *this;
    }
    ~Reborn() {
      if (target != nullptr) target->put(Reborn());
    }
    const SimpleQueue<Reborn>* target = nullptr;
  };
  const SimpleQueue<Reborn> q;
  q.put(Reborn(&q));
  (void)q.get();  // destroyed here: puts another one
  EXPECT_EQ(q.qsize(), 1U);
}

}  // namespace
}  // namespace multiprocessing::queue
