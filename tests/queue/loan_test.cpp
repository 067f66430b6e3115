// Loans and views: items that are written and read in place.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <numeric>
#include <optional>

#include <multiprocessing/queues.hpp>

#include "shm/block.hpp"
#include "shm/process_table.hpp"
#include "support/child.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using test::Child;
using test::require;

TEST(LoanTest, WhatIsWrittenInPlaceIsReadInPlaceByAnotherProcess) {
  const Queue<double> queue;
  auto child = Child::run([&] {
    auto loan = queue.loan(100'000);
    std::iota(loan.begin(), loan.end(), 0.5);
    queue.put(std::move(loan));
  });
  const View<double> view = queue.get_view(10s);
  ASSERT_EQ(view.size(), 100'000U);
  EXPECT_EQ(view[99'999], 99'999.5);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(view.data()) % 64, 0U);
  EXPECT_EQ(child.wait(), test::exited(0));
}

TEST(LoanTest, LoansOfOneElementAndPlainItemsMix) {
  const Queue<int> queue(3);
  auto loan = queue.loan();
  *loan = 1;
  queue.put(std::move(loan));
  queue.put(2);
  auto next = queue.loan();
  *next = 3;
  queue.put(std::move(next));

  EXPECT_EQ(queue.get(), 1);
  EXPECT_EQ(*queue.get_view(), 2);
  EXPECT_EQ(queue.get(), 3);
}

TEST(LoanTest, SeveralElementsAreNoSingleItem) {
  const Queue<int> queue;
  queue.put(queue.loan(2));
  EXPECT_THROW((void)queue.get(), ValueError);
  EXPECT_EQ(queue.qsize(), 0U);
}

TEST(LoanTest, DroppedLoanWasNeverPut) {
  const Queue<int> queue(1);
  {
    const auto loan = queue.loan(1000);
  }
  EXPECT_TRUE(queue.empty());
  queue.put(1);
  EXPECT_FALSE(queue.try_put(2));
}

TEST(LoanTest, LoanOutlivesAFullQueueAndIsPutOnce) {
  const Queue<int> queue(1);
  queue.put(0);
  auto loan = queue.loan();
  *loan = 7;
  EXPECT_THROW(queue.put(std::move(loan), 1ms), Full);
  EXPECT_EQ(queue.get(), 0);
  queue.put(std::move(loan));  // NOLINT(bugprone-use-after-move): it was not put
  EXPECT_EQ(loan.size(), 0U);
  EXPECT_THROW(queue.put(std::move(loan)), ValueError);
  EXPECT_EQ(queue.get(), 7);
}

TEST(LoanTest, ForkedChildCannotPutItsParentsLoan) {
  const Queue<int> queue;
  auto loan = queue.loan();
  *loan = 7;
  auto child = Child::run([&] {
    try {
      queue.put(std::move(loan));
    } catch (const ValueError&) {
      return;
    }
    require(false);
  });
  EXPECT_EQ(child.wait(), test::exited(0));
  queue.put(std::move(loan));
  EXPECT_EQ(queue.get(), 7);
}

TEST(LoanTest, ImpossibleSizeIsArenaExhausted) {
  const Queue<std::uint64_t> queue;
  EXPECT_THROW((void)queue.loan(std::size_t{1} << 60U), ArenaExhausted);
  EXPECT_THROW((void)queue.loan(std::size_t{1} << 50U), ArenaExhausted);
}

TEST(LoanTest, NoLoanAfterClose) {
  const Queue<int> queue;
  queue.close();
  EXPECT_THROW((void)queue.loan(), ValueError);
  EXPECT_THROW((void)queue.get_view(0s), ValueError);
}

TEST(LoanTest, ViewWaitsAndMissesAsGetDoes) {
  const Queue<int> queue;
  EXPECT_THROW((void)queue.get_view(1ms), Empty);
  queue.shutdown();
  EXPECT_THROW((void)queue.get_view(), ShutDown);
}

TEST(LoanTest, JoinableQueuesViewIsDoneAfterItsEnd) {
  const JoinableQueue<int> queue(0, OnDeath::requeue);
  queue.put(queue.loan(50'000));
  {
    const auto guard = queue.done_guard();
    EXPECT_EQ(queue.get_view().size(), 50'000U);
    EXPECT_FALSE(queue.join(0s));
  }
  EXPECT_TRUE(queue.join(0s));
}

TEST(LoanTest, LoansAndViewsOfTheDeadComeBack) {
  const Queue<std::array<char, 5000>> queue;
  (void)queue.loan();
  const auto before = shm::census();
  for (int i = 0; i < 40; ++i) queue.put(queue.loan());
  auto child = Child::run([&] {
    std::vector<View<std::array<char, 5000>>> views;
    std::vector<Loan<std::array<char, 5000>>> loans;
    for (int i = 0; i < 40; ++i) views.push_back(queue.get_view());
    for (int i = 0; i < 40; ++i) loans.push_back(queue.loan());
    test::hang_up_and_wait();
  });
  child.await_hang_up();
  child.kill(SIGKILL);
  (void)child.wait();
  (void)shm::bury_the_dead();
  EXPECT_TRUE(queue.empty());
  EXPECT_LE(shm::census().blocks, before.blocks + 2);  // the lane, and its segment
}

}  // namespace
}  // namespace multiprocessing
