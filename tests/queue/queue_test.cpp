// What one process can see of a queue: the calls and what they throw, item types, handles.

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <memory>
#include <numeric>
#include <string>
#include <unordered_set>
#include <vector>

#include <multiprocessing/queues.hpp>

#include "shm/block.hpp"
#include "sys/calls.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;

struct Job {
  int id;
  std::string url;
  std::vector<double> weights;
  friend bool operator==(const Job&, const Job&) = default;
};

TEST(QueueTest, ItemsComeInTheOrderInWhichTheyWerePut) {
  const Queue<int> queue;
  for (int i = 0; i < 100'000; ++i) queue.put(i);

  for (int i = 0; i < 100'000; ++i) ASSERT_EQ(queue.get(), i);
  EXPECT_TRUE(queue.empty());
}

TEST(QueueTest, GetOnEmptyQueueThrowsEmpty) {
  const Queue<int> queue;

  EXPECT_THROW(queue.get_nowait(), Empty);
  EXPECT_THROW(queue.get(false), Empty);
  EXPECT_THROW(queue.get(-1s), Empty);
  EXPECT_EQ(queue.try_get(), std::nullopt);
}

TEST(QueueTest, GetWithTimeoutWaitsThatLongThenThrowsEmpty) {
  const Queue<int> queue;
  const auto start = std::chrono::steady_clock::now();

  EXPECT_THROW(queue.get(30ms), Empty);
  EXPECT_GE(std::chrono::steady_clock::now() - start, 30ms);
  EXPECT_EQ(queue.try_get(10ms), std::nullopt);
  EXPECT_GE(std::chrono::steady_clock::now() - start, 40ms);
}

TEST(QueueTest, PutIntoFullQueueThrowsFullAndLeavesItAsItWas) {
  const Queue<std::string> queue(2);
  queue.put("a");
  queue.put("b");

  EXPECT_TRUE(queue.full());
  EXPECT_THROW(queue.put_nowait("c"), Full);
  EXPECT_THROW(queue.put("c", 20ms), Full);
  EXPECT_FALSE(queue.try_put("c"));
  EXPECT_EQ(queue.qsize(), 2U);
  EXPECT_EQ(queue.get(), "a");
  EXPECT_FALSE(queue.full());
  EXPECT_TRUE(queue.try_put("c"));
  EXPECT_EQ(queue.get(), "b");
  EXPECT_EQ(queue.get(), "c");
}

TEST(QueueTest, BoundedQueueHoldsItsMaxsizeHoweverOftenItIsFilled) {
  for (const std::size_t maxsize : {1U, 2U, 7U, 1000U}) {
    const Queue<std::size_t> queue(maxsize);
    for (int round = 0; round < 20; ++round) {
      for (std::size_t i = 0; i < maxsize; ++i) ASSERT_TRUE(queue.try_put(i));
      ASSERT_FALSE(queue.try_put(0)) << maxsize;
      for (std::size_t i = 0; i < maxsize; ++i) ASSERT_EQ(queue.get_nowait(), i);
    }
  }
}

TEST(QueueTest, NegativeOrZeroMaxsizeIsUnbounded) {
  const Queue<int> queue(-1);
  for (int i = 0; i < 1000; ++i) queue.put_nowait(i);
  EXPECT_FALSE(queue.full());
  EXPECT_EQ(queue.qsize(), 1000U);
}

TEST(QueueTest, QsizeCountsWhatIsThere) {
  const Queue<int> queue;
  EXPECT_EQ(queue.qsize(), 0U);
  EXPECT_TRUE(queue.empty());
  for (int i = 0; i < 10; ++i) queue.put(i);
  for (int i = 0; i < 3; ++i) (void)queue.get();
  EXPECT_EQ(queue.qsize(), 7U);
  EXPECT_FALSE(queue.empty());
}

TEST(QueueTest, ValuesOfManyTypesComeAsTheyWere) {
  const Queue<Job> jobs;
  const Job job{7, "http://example.org", {1.5, 2.5}};
  jobs.put(job);
  jobs.put({8, std::string(5000, 'x'), {}});
  EXPECT_EQ(jobs.get(), job);
  EXPECT_EQ(jobs.get().url.size(), 5000U);

  const Queue<std::map<std::string, std::vector<int>>> maps;
  maps.put({{"a", {1, 2}}, {"b", {}}});
  EXPECT_EQ(maps.get().at("a"), (std::vector{1, 2}));

  const Queue<bool> flags;
  flags.put(true);
  EXPECT_TRUE(flags.get());

  const Queue<std::unique_ptr<int>> owners;
  owners.put(std::make_unique<int>(5));
  EXPECT_EQ(*owners.get(), 5);
}

TEST(QueueTest, PlainItemsOfEverySizeComeAsTheyWere) {
  const auto check = []<std::size_t N>(std::array<unsigned char, N> item) {
    for (const int maxsize : {0, 3}) {
      const Queue<std::array<unsigned char, N>> queue(maxsize);
      for (int round = 0; round < 300; ++round) {
        for (std::size_t i = 0; i < N; ++i) {
          item[i] = static_cast<unsigned char>(i * 7 + static_cast<std::size_t>(round));
        }
        queue.put(item);
        if (round % 3 == 2) {
          for (int i = 0; i < 3; ++i)
            ASSERT_EQ(
                queue.get()[N - 1],
                static_cast<unsigned char>((N - 1) * 7 + static_cast<std::size_t>(round - 2 + i)));
        }
      }
    }
  };
  check(std::array<unsigned char, 1>{});
  check(std::array<unsigned char, 7>{});
  check(std::array<unsigned char, 9>{});
  check(std::array<unsigned char, 1023>{});
  check(std::array<unsigned char, 1024>{});
  check(std::array<unsigned char, 1025>{});
  check(std::array<unsigned char, 70000>{});
}

TEST(QueueTest, SerializedItemsOfEverySizeComeAsTheyWere) {
  const Queue<std::string> queue;
  for (std::size_t size = 0; size < 3000; size += 13) queue.put(std::string(size, 'a'));
  queue.put(std::string(3'000'000, 'b'));
  for (std::size_t size = 0; size < 3000; size += 13) ASSERT_EQ(queue.get().size(), size);
  EXPECT_EQ(queue.get(), std::string(3'000'000, 'b'));
}

TEST(QueueTest, ExceptionsTravelAsThemselves) {
  const Queue<std::exception_ptr> queue;
  queue.put(std::make_exception_ptr(ValueError("bad input")));
  EXPECT_THROW(std::rethrow_exception(queue.get()), ValueError);
}

TEST(QueueTest, PutManyAppearsInOrderAndGetManyTakesWhatIsThere) {
  for (const int maxsize : {0, 10'000}) {
    const Queue<int> queue(maxsize);
    std::vector<int> items(5000);
    std::iota(items.begin(), items.end(), 0);
    queue.put_many(items);
    queue.put_many(range(5000, 6000));
    EXPECT_EQ(queue.qsize(), 6000U);

    std::vector<int> got = queue.get_many(4000);
    EXPECT_EQ(got.size(), 4000U);
    for (const int item : queue.get_many(100'000)) got.push_back(item);
    ASSERT_EQ(got.size(), 6000U);
    for (int i = 0; i < 6000; ++i) ASSERT_EQ(got[static_cast<std::size_t>(i)], i);
    EXPECT_THROW((void)queue.get_many(5, Timeout::zero()), Empty);
    EXPECT_TRUE(queue.get_many(0).empty());
  }
}

TEST(QueueTest, PutManyOfStringsAndGetMany) {
  const Queue<std::string> queue;
  queue.put_many(std::vector<std::string>{"a", "b", std::string(9999, 'c')});
  const std::vector<std::string> got = queue.get_many(10);
  ASSERT_EQ(got.size(), 3U);
  EXPECT_EQ(got[2].size(), 9999U);
}

TEST(QueueTest, GetManyGivesWhatCameBeforeAnItemThatCannotBeDecoded) {
  const Queue<Queue<int>> mail;
  const Queue<std::uint64_t> forged = Queue<std::uint64_t>::from_handle_id(mail.handle_id());
  const Queue<int> letter;
  mail.put(letter);
  forged.put(12345);  // no such queue
  mail.put(letter);

  EXPECT_EQ(mail.get_many(10), std::vector{letter});
  EXPECT_THROW((void)mail.get_many(10), ValueError);
  EXPECT_EQ(mail.get(), letter);
}

TEST(QueueTest, AfterShutdownPutThrowsAndGetEmptiesTheQueueFirst) {
  const Queue<int> queue;
  queue.put(1);
  queue.put(2);
  queue.shutdown();

  EXPECT_THROW(queue.put(3), ShutDown);
  EXPECT_THROW(queue.put_nowait(3), ShutDown);
  EXPECT_THROW((void)queue.try_put(3), ShutDown);
  EXPECT_EQ(queue.get(), 1);
  EXPECT_EQ(queue.try_get(), 2);
  EXPECT_THROW(queue.get(), ShutDown);
  EXPECT_THROW((void)queue.try_get(), ShutDown);
  EXPECT_THROW((void)queue.get_many(3), ShutDown);
}

TEST(QueueTest, ImmediateShutdownDropsWhatIsThere) {
  const Queue<std::string> queue;
  queue.put("a");
  queue.put(std::string(100'000, 'b'));
  queue.shutdown(true);

  EXPECT_THROW(queue.get(), ShutDown);
  EXPECT_EQ(queue.qsize(), 0U);
}

TEST(QueueTest, LoopEndsAtShutdown) {
  const Queue<std::string> queue;
  queue.put("a");
  queue.put("b");
  queue.shutdown();

  std::string all;
  for (auto& item : queue) all += item;
  EXPECT_EQ(all, "ab");
}

TEST(QueueTest, ClosedQueueRefusesBothEnds) {
  const Queue<int> queue;
  EXPECT_THROW(queue.join_thread(), ValueError);
  queue.put(1);
  queue.close();

  EXPECT_THROW(queue.put(1), ValueError);
  EXPECT_THROW(queue.get(), ValueError);
  queue.join_thread();
  queue.cancel_join_thread();
}

TEST(QueueTest, CopiesAreTheSameQueue) {
  const Queue<int> queue;
  const Queue<int> copy = queue;
  const Queue<int> other;
  copy.put(1);

  EXPECT_EQ(queue.get(), 1);
  EXPECT_EQ(queue, copy);
  EXPECT_NE(queue, other);
  EXPECT_EQ(std::unordered_set<Queue<int>>({queue, copy, other}).size(), 2U);
}

TEST(QueueTest, MovedFromQueueThrowsValueError) {
  Queue<int> queue;
  const Queue<int> moved = std::move(queue);
  EXPECT_THROW(queue.put(1), ValueError);  // NOLINT(bugprone-use-after-move): what it is about
}

TEST(QueueTest, QueueTravelsThroughQueue) {
  const Queue<Queue<std::string>> mail;
  {
    const Queue<std::string> inner;
    inner.put("hello");
    mail.put(inner);
  }
  EXPECT_EQ(mail.get().get(), "hello");
}

TEST(QueueTest, QueueReturnedThroughItselfKeepsTheOrderOfItsProducer) {
  const Queue<Queue<int>> mail;
  const Queue<int> numbers;
  for (int i = 0; i < 100; ++i) {
    mail.put(numbers);
    mail.get().put(i);
  }
  for (int i = 0; i < 100; ++i) ASSERT_EQ(numbers.get(), i);
}

TEST(SimpleQueueTest, ItemsComeInOrderAndClosedQueueRefuses) {
  const SimpleQueue<std::string> queue;
  const Queue<SimpleQueue<std::string>> mail;
  queue.put("a");
  mail.put(queue);
  mail.get().put("b");

  EXPECT_EQ(queue.get(), "a");
  EXPECT_EQ(queue.get(), "b");
  EXPECT_TRUE(queue.empty());
  queue.close();
  queue.close();
  EXPECT_THROW(queue.put("c"), ValueError);
}

TEST(QueueMemoryTest, DroppedQueueGivesEverythingBack) {
  {
    const Queue<int> warm_up;
  }
  const auto before = shm::census();
  {
    const Queue<Queue<std::string>> outer;
    const Queue<std::string> inner(100);
    for (int i = 0; i < 50; ++i) inner.put(std::string(static_cast<std::size_t>(i) * 100, 'x'));
    outer.put(inner);
    outer.put(inner);
    const Queue<int> numbers;
    for (int i = 0; i < 1'000'000; ++i) numbers.put(i);
  }
  EXPECT_EQ(shm::census().blocks, before.blocks);
}

TEST(QueueMemoryTest, DrainedBurstGivesItsMemoryBack) {
  const Queue<int> queue;
  queue.put(0);
  (void)queue.get();
  const auto before = shm::census();
  for (int i = 0; i < 3'000'000; ++i) queue.put(i);
  const auto full = shm::census();
  for (int i = 0; i < 3'000'000; ++i) ASSERT_EQ(queue.get(), i);
  const auto drained = shm::census();
  for (int i = 0; i < 200; ++i) {
    queue.put(i);
    (void)queue.get();
  }
  EXPECT_GT(full.bytes - before.bytes, 40'000'000U);
  EXPECT_LT(drained.bytes - before.bytes, (full.bytes - before.bytes) / 2);
  EXPECT_LT(shm::census().bytes, before.bytes + 200'000);
}

TEST(QueueMemoryTest, LaneGoesOnInSmallerSegmentsWhereThereIsNoRoomForABigOne) {
  static sys::ScopedCall<decltype(sys::Calls::fallocate)>* scope = nullptr;
  sys::ScopedCall tight(&sys::Calls::fallocate, [](int fd, int mode, off_t offset, off_t length) {
    if (mode == 0 && length > 256 * 1024) {
      errno = ENOSPC;
      return -1;
    }
    return scope->original()(fd, mode, offset, length);
  });
  scope = &tight;
  const Queue<int> queue;
  for (int i = 0; i < 400'000; ++i) queue.put(i);
  for (int i = 0; i < 400'000; ++i) ASSERT_EQ(queue.get(), i);
}

TEST(QueueMemoryTest, ItemWhoseDecodingThrowsIsGone) {
  const Queue<Queue<int>> mail;
  const Queue<std::uint64_t> forged = Queue<std::uint64_t>::from_handle_id(mail.handle_id());
  forged.put(12345);  // no such queue

  EXPECT_THROW((void)mail.get(), ValueError);
  EXPECT_EQ(mail.qsize(), 0U);
}

}  // namespace
}  // namespace multiprocessing
