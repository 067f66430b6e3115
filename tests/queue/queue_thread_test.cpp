// A queue between threads of one process, where ThreadSanitizer sees every race; and the lanes
// below it, each thread with a lane of its own as if it were a process.

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include <multiprocessing/queues.hpp>

#include "queue/credits.hpp"
#include "queue/local_queue.hpp"
#include "queue/wait_word.hpp"
#include "shm/block.hpp"
#include "shm/object.hpp"
#include "sys/futex.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kItems = 20'000;

template <class T, class Make, class Read>
void exchange(std::size_t maxsize, std::uint64_t items, Make make, Read read) {
  const Queue<T> queue(maxsize);
  std::vector<std::atomic<int>> seen(3 * items);
  std::vector<std::thread> producers, consumers;
  for (std::uint64_t p = 0; p < 3; ++p) {
    producers.emplace_back([&, p] {
      for (std::uint64_t i = 0; i < items; ++i) queue.put(make(p * items + i));
    });
  }
  for (int c = 0; c < 2; ++c) {
    consumers.emplace_back([&] {
      for (auto& item : queue) seen[read(item)].fetch_add(1);
    });
  }
  for (std::thread& thread : producers) thread.join();
  queue.shutdown();
  for (std::thread& thread : consumers) thread.join();

  for (const auto& count : seen) ASSERT_EQ(count.load(), 1);
}

const auto kSame = [](std::uint64_t item) { return item; };

TEST(QueueThreadTest, ThreadsExchangeTheExactSet) {
  exchange<std::uint64_t>(0, kItems, kSame, kSame);
}

TEST(QueueThreadTest, ThreadsExchangeTheExactSetThroughFewPlaces) {
  exchange<std::uint64_t>(4, kItems / 4, kSame, kSame);
}

TEST(QueueThreadTest, ThreadsExchangeLargeItems) {
  exchange<std::string>(
      8, 1000, [](std::uint64_t item) { return std::string(2000, 'x') + std::to_string(item); },
      [](const std::string& item) { return std::stoull(item.substr(2000)); });
}

// Threads that own lanes, on a queue object of the lowest floor.
class LaneThreadTest : public testing::TestWithParam<std::uint64_t> {
 protected:
  static constexpr std::uint64_t kLanes = 3;

  static lanes::LocalQueue& local(const Queue<std::uint64_t>& queue) {
    auto* object = shm::find_object(queue.handle_id().value, shm::ObjectKind::queue);
    return lanes::local_queue(queue.handle_id().value, *shm::payload<lanes::QueueState>(object));
  }

  // Until a place is free: asleep, since a turn of the processor is long in coming to who yields on
  // a busy machine.
  static void take_credit(lanes::QueueView& view, std::uint64_t wanted, std::uint64_t& credit) {
    bool slept = false;
    while (!lanes::take_credit(view, wanted, credit)) {
      const std::uint32_t expected = lanes::announce(view.state.space);
      if (!lanes::surely_full(view)) continue;
      (void)sys::futex_wait(view.state.space, expected);
      (void)lanes::announce(view.state.space);  // for others who sleep
      slept = true;
    }
    if (slept && !lanes::surely_full(view)) lanes::wake_sleepers(view.state.space, 1);
  }

  // Puts from a lane of its own.
  static void produce(lanes::QueueView& view, std::uint64_t producer) {
    lanes::LaneWriter writer;
    writer.attach(view);
    std::uint64_t credit = 0;
    for (std::uint64_t i = 0; i < kItems; ++i) {
      const std::uint64_t item = producer << 32U | i;
      lanes::Word* record = writer.room(view, view.header + 1);
      if (view.bounded()) {
        take_credit(
            view,
            lanes::credit_of(writer.number(), writer.epoch(), lanes::position_of(writer.place())),
            credit);
        record[1].store(credit, std::memory_order_relaxed);
      }
      lanes::copy_in(record + view.header, reinterpret_cast<const std::byte*>(&item), 8);
      writer.append(lanes::RecordKind::bytes, 8, view.header + 1);
      if (i % 3 == 0 || view.bounded()) publish(view, writer);
    }
    publish(view, writer);
  }
  static void publish(lanes::QueueView& view, lanes::LaneWriter& writer) {
    writer.publish();
    lanes::published(view.state.items, view.state.bells, false, 1);
  }
};

TEST_P(LaneThreadTest, ConsumersSeeEachLaneInOrderAndNothingTwice) {
  const Queue<std::uint64_t> queue(GetParam());
  lanes::LocalQueue& shared = local(queue);
  std::vector<std::thread> producers, consumers;
  std::atomic<std::uint64_t> total{0};
  std::array<std::atomic<std::uint64_t>, kLanes> sums{};
  for (std::uint64_t p = 0; p < kLanes; ++p)
    producers.emplace_back([&, p] { produce(shared.view, p); });
  for (int c = 0; c < 2; ++c) {
    consumers.emplace_back([&] {
      std::array<std::uint64_t, kLanes> next{};
      for (const std::uint64_t item : queue) {
        total.fetch_add(1);
        const std::uint64_t lane = item >> 32U, number = item & 0xFFFFFFFFU;
        ASSERT_GE(number, next.at(lane));
        next[lane] = number + 1;
        sums[lane].fetch_add(number);
      }
    });
  }
  for (std::thread& thread : producers) thread.join();
  queue.shutdown();
  for (std::thread& thread : consumers) thread.join();

  EXPECT_EQ(total.load(), kLanes * kItems);
  for (const auto& sum : sums) EXPECT_EQ(sum.load(), kItems * (kItems - 1) / 2);
  EXPECT_TRUE(queue.empty());
}

INSTANTIATE_TEST_SUITE_P(Bounds, LaneThreadTest, testing::Values(0, 1, 100));

}  // namespace
}  // namespace multiprocessing
