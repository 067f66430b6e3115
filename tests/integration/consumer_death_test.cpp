// A consumer that is killed in mid-run takes at most the item in its hands along.

#include <algorithm>
#include <csignal>
#include <mutex>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

#include <multiprocessing/managers.hpp>
#include <multiprocessing/process.hpp>
#include <multiprocessing/queues.hpp>
#include <multiprocessing/sharedctypes.hpp>
#include <multiprocessing/synchronize.hpp>

#include "support/child.hpp"

namespace multiprocessing {
namespace {

constexpr int kItems = 4000;
constexpr int kKeys = 7;

struct Board {
  explicit Board(std::size_t maxsize) : items(maxsize) {}

  Queue<int> items;
  RawArray<int> marks = RawArray<int>(kItems);  // how often each item was got
  Array<int> counted = Array<int>(1);           // how many were, under its lock
  Dict<int, long> tally;                        // the same by the item's rest
  Event busy;                                   // the consumer to be killed is in mid-run
};

void produce(const Board& board) {
  for (int i = 0; i < kItems; ++i) board.items.put(i);
}

void consume(const Board& board, int until_busy) {
  for (const int item : board.items) {
    board.marks[static_cast<std::size_t>(item)] += 1;
    board.tally.modify(item % kKeys, [](long& n) { ++n; });
    {
      const RLock lock = board.counted.get_lock();
      const std::lock_guard guard(lock);
      board.counted[0] += 1;
    }
    if (--until_busy == 0) board.busy.set();
  }
}

class ConsumerDeathTest : public testing::TestWithParam<std::size_t> {};

TEST_P(ConsumerDeathTest, OtherConsumersGetEverythingElseOnce) {
  for (int round = 0; round < 10; ++round) {
    const Board board(GetParam());
    Process victim({.daemon = true}, consume, board, 20 + 17 * round);
    Process survivor({.daemon = true}, consume, board, 0);
    Process producer({.daemon = true}, produce, board);
    victim.start();
    producer.start();
    board.busy.wait();
    survivor.start();
    victim.kill();

    ASSERT_TRUE(producer.join()) << "the queue took in all items";
    board.items.shutdown();
    ASSERT_TRUE(survivor.join());
    ASSERT_TRUE(victim.join());

    EXPECT_EQ(victim.exitcode(), -SIGKILL);
    EXPECT_EQ(survivor.exitcode(), 0);
    const int got = std::accumulate(board.marks.begin(), board.marks.end(), 0);
    EXPECT_LE(*std::ranges::max_element(board.marks), 1) << "no item twice";
    EXPECT_GE(got, kItems - 1) << "at most one item is lost";
    const auto tallied = board.tally.values();
    EXPECT_GE(std::accumulate(tallied.begin(), tallied.end(), 0L), got - 1);
    EXPECT_GE(board.counted[0], got - 1);
    EXPECT_LE(board.counted[0], got);
  }
}

INSTANTIATE_TEST_SUITE_P(UnboundedAndBounded, ConsumerDeathTest,
                         testing::Values(std::size_t{0}, std::size_t{8}));

}  // namespace
}  // namespace multiprocessing
