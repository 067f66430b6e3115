// Eight processes hammer one lock for ten seconds: each gets it again and again.

#include <multiprocessing/synchronize.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <vector>

#include <gtest/gtest.h>

#include "support/child.hpp"
#include "support/shared.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr int kProcesses = 8;

struct Turns {
  std::atomic<long> count{0};
  std::atomic<Clock::rep> longest_wait{0};
};

struct Board {
  std::array<Turns, kProcesses> turns;
  std::atomic<bool> stop{false};
  long guarded = 0;
};

template <class L>
void hammer(const L& lock, Board& board, Turns& mine) {
  Clock::duration longest{};
  while (!board.stop.load(std::memory_order_relaxed)) {
    const auto start = Clock::now();
    test::require(lock.acquire());
    longest = std::max(longest, Clock::now() - start);
    ++board.guarded;
    lock.release();
    mine.count.fetch_add(1, std::memory_order_relaxed);
  }
  mine.longest_wait = longest.count();
}

template <class L>
void expect_that_nobody_starves(const L& lock) {
  const test::Shared<Board> board;
  std::vector<test::Child> children;
  children.reserve(kProcesses);
  for (Turns& mine : board->turns) {
    children.push_back(test::Child::run([&] { hammer(lock, *board, mine); }));
  }
  const auto end = Clock::now() + 10s;
  while (Clock::now() < end) (void)Event().wait(100ms);
  board->stop = true;
  for (test::Child& child : children) ASSERT_EQ(child.wait(), test::exited(0));

  long sum = 0;
  for (const Turns& mine : board->turns) {
    sum += mine.count;
    EXPECT_LT(Clock::duration(mine.longest_wait), 5s);
  }
  EXPECT_EQ(board->guarded, sum);
  // An equal share is an eighth.
  for (const Turns& mine : board->turns) EXPECT_GT(mine.count * kProcesses * 20, sum);
}

TEST(LockStressTest, NoneOfEightProcessesStarves) {
  expect_that_nobody_starves(Lock());
}

TEST(LockStressTest, NoneOfEightProcessesStarvesForARecursiveLock) {
  expect_that_nobody_starves(RLock());
}

TEST(LockStressTest, NoneOfEightProcessesStarvesForTheOnlyPermit) {
  expect_that_nobody_starves(Semaphore(1));
}

}  // namespace
}  // namespace multiprocessing
