// The ring that leads workers to their work, in one process.

#include "pool/ring.hpp"

#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace multiprocessing::pool {
namespace {

class RingTest : public testing::Test {
 protected:
  RingState state_{};
  Ring ring_{state_};

  std::vector<std::uint32_t> drain() {
    std::vector<std::uint32_t> cells;
    for (Ring::Peek head = ring_.peek(); head.there; head = ring_.peek()) {
      cells.push_back(head.cell);
      ring_.pass(head.position);
    }
    return cells;
  }

  void TearDown() override {
    for (shm::Location& array : state_.arrays) {
      shm::Block block = shm::unlink(array);
      shm::release(block);
    }
  }
};

TEST_F(RingTest, NothingWasPushedAndNothingIsThere) {
  EXPECT_FALSE(ring_.peek().there);
}

TEST_F(RingTest, CellsComeInTheOrderOfThePushes) {
  for (std::uint32_t cell : {7U, 3U, 7U}) ring_.push(cell);

  EXPECT_EQ(drain(), (std::vector<std::uint32_t>{7, 3, 7}));
  EXPECT_FALSE(ring_.peek().there);
}

TEST_F(RingTest, AFullRingGrowsAndKeepsItsOrder) {
  for (std::uint32_t i = 0; i < 100; ++i) ring_.push(i);
  EXPECT_EQ(drain().size(), 100U);
  for (std::uint32_t i = 0; i < 5 * kFirstRing; ++i) ring_.push(i);

  const std::vector<std::uint32_t> cells = drain();

  ASSERT_EQ(cells.size(), 5 * kFirstRing);
  for (std::uint32_t i = 0; i < cells.size(); ++i) EXPECT_EQ(cells[i], i);
}

TEST_F(RingTest, PassingALatePositionChangesNothing) {
  ring_.push(1);
  ring_.push(2);
  const std::uint64_t first = ring_.peek().position;
  ring_.pass(first);

  ring_.pass(first);

  EXPECT_EQ(ring_.peek().cell, 2U);
}

TEST_F(RingTest, PushOnceTrustsOnlyEntriesBehindTheHead) {
  ring_.push(1);
  ring_.push(2);

  ring_.push_once(2);
  ring_.push_once(1);

  EXPECT_EQ(drain(), (std::vector<std::uint32_t>{1, 2, 1}));
}

TEST_F(RingTest, ASuccessorCompletesThePushThatItsPredecessorDiedIn) {
  ring_.push(1);
  ring_.push(2);
  state_.tail.store(1, std::memory_order_relaxed);  // as if it had died before the tail moved
  Ring successor(state_);

  successor.take_over();
  successor.push(3);

  EXPECT_EQ(drain(), (std::vector<std::uint32_t>{1, 2, 3}));
}

TEST_F(RingTest, ReadersThatRaceSeeEveryEntryAtLeastOnce) {
  constexpr std::uint32_t kCells = 20'000;
  std::vector<std::atomic<int>> seen(kCells);
  std::atomic<bool> done{false};
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      Ring mine(state_);
      for (;;) {
        const bool last = done.load(std::memory_order_acquire);
        const Ring::Peek head = mine.peek();
        if (head.there) {
          seen[head.cell].fetch_add(1, std::memory_order_relaxed);
          mine.pass(head.position);
        } else if (last) {
          return;
        }
      }
    });
  }

  for (std::uint32_t i = 0; i < kCells; ++i) ring_.push(i);
  done.store(true, std::memory_order_release);
  for (std::thread& reader : readers) reader.join();

  for (const auto& count : seen) EXPECT_GE(count.load(std::memory_order_relaxed), 1);
}

}  // namespace
}  // namespace multiprocessing::pool
