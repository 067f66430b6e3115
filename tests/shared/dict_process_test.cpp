// A Dict between processes.

#include <csignal>
#include <string>
#include <unordered_set>
#include <vector>

#include <gtest/gtest.h>

#include <multiprocessing/detail/dict.hpp>

#include "shm/process_table.hpp"
#include "support/child.hpp"
#include "support/fd_snapshot.hpp"
#include "support/shared.hpp"

namespace multiprocessing {
namespace {

using Counts = Dict<std::string, int>;

std::vector<test::Child> run_children(int count, const std::function<void(int)>& body) {
  std::vector<test::Child> children;
  for (int i = 0; i < count; ++i) {
    children.push_back(test::Child::run([&body, i] { body(i); }));
  }
  return children;
}

void expect_all_well(std::vector<test::Child>& children) {
  for (test::Child& child : children) EXPECT_EQ(child.wait(), test::exited(0));
}

TEST(DictProcessTest, EightProcessesIncrementExactly) {
  constexpr int kEach = 100000;
  const Counts counts{{"n", 0}};

  auto children = run_children(8, [&](int) {
    for (int i = 0; i < kEach; ++i) counts["n"] += 1;
  });
  expect_all_well(children);

  EXPECT_EQ(counts.at("n"), 8 * kEach);
}

TEST(DictProcessTest, GrowsWhileReadersIterateAndNothingIsMissedOrSeenTwice) {
  constexpr int kStay = 1000;
  constexpr int kGrow = 200000;
  const Dict<int, int> dict;
  test::Shared<std::atomic<bool>> stop{false};
  for (int i = 0; i < kStay; ++i) dict[i] = i;

  auto readers = run_children(2, [&](int) {
    while (!*stop) {
      std::unordered_set<int> seen;
      int stayed = 0;
      for (const int key : dict) {
        test::require(seen.insert(key).second);
        stayed += key < kStay ? 1 : 0;
      }
      test::require(stayed == kStay);
    }
  });
  auto writers = run_children(4, [&](int writer) {
    for (int i = kStay + writer; i < kGrow; i += 4) dict[i] = i;
  });
  expect_all_well(writers);
  *stop = true;
  expect_all_well(readers);

  EXPECT_EQ(dict.size(), static_cast<std::size_t>(kGrow));
  for (int i = 0; i < kGrow; ++i) ASSERT_EQ(dict.get(i), std::optional<int>(i));
}

TEST(DictProcessTest, WhatAChildSetsIsThereForItsParentAndStaysAfterItsEnd) {
  const Dict<std::string, Counts> outer;

  auto child = test::Child::run([&] {
    outer["made"] = Counts{{"by child", 1}};
    outer["made"]["by child"] += 1;
  });
  EXPECT_EQ(child.wait(), test::exited(0));
  (void)shm::bury_the_dead();

  EXPECT_EQ(outer.at("made").at("by child"), 2);
}

TEST(DictProcessTest, ProcessKilledInAFunctionThatModifiesLeavesTheFormerValue) {
  const Counts counts{{"n", 1}};
  auto child = test::Child::run([&] {
    counts.modify("n", [](int& n) {
      n = 2;
      test::hang_up_and_wait();
    });
  });
  child.await_hang_up();
  EXPECT_EQ(counts.at("n"), 1) << "readers do not wait";
  child.kill(SIGKILL);
  EXPECT_EQ(child.wait(), test::killed_by(SIGKILL));

  counts["n"] += 10;

  EXPECT_EQ(counts.at("n"), 11);
}

TEST(DictProcessTest, WriterThatWaitsForAKilledOneGoesOn) {
  const Counts counts{{"n", 1}};
  auto holder =
      test::Child::run([&] { counts.modify("n", [](int&) { test::hang_up_and_wait(); }); });
  holder.await_hang_up();
  auto waiter = test::Child::run([&] {
    test::hang_up();
    counts["n"] += 1;
  });
  waiter.await_hang_up();

  holder.kill(SIGKILL);

  EXPECT_EQ(waiter.wait(), test::exited(0));
  EXPECT_EQ(holder.wait(), test::killed_by(SIGKILL));
  EXPECT_EQ(counts.at("n"), 2);
}

TEST(DictProcessTest, ChildForkedByAFunctionThatModifiesCannotFinishIt) {
  const Counts counts{{"n", 1}};

  counts.modify("n", [&](int& n) {
    auto child = test::Child::run([&] {
      bool refused = false;
      try {
        counts.modify("n", [](int&) {});  // waits for the parent, as any process does
      } catch (const ValueError&) {
        refused = true;
      }
      test::require(!refused);
    });
    child.kill(SIGKILL);
    EXPECT_EQ(child.wait(), test::killed_by(SIGKILL));
    n = 5;
  });

  EXPECT_EQ(counts.at("n"), 5);
}

TEST(DictProcessTest, NothingIsLeftOpen) {
  const Counts first{{"n", 1}};
  const test::FdSnapshot before;

  {
    const Counts counts;
    auto children = run_children(2, [&](int i) {
      for (int k = 0; k < 1000; ++k) counts[std::to_string(k)] = i;
    });
    expect_all_well(children);
  }

  EXPECT_EQ(test::FdSnapshot(), before);
}

}  // namespace
}  // namespace multiprocessing
