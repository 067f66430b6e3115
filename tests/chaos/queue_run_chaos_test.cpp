// Kills processes inside put_many and get_many: what was published comes once, whole and in order.

#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <cstdint>
#include <numeric>
#include <ostream>
#include <vector>

#include <multiprocessing/queues.hpp>

#include "shm/process_table.hpp"
#include "support/child.hpp"
#include "support/shared.hpp"
#include "sys/crash_point.hpp"

namespace multiprocessing {
namespace {

using test::Child;

constexpr std::uint64_t kRun = 50;  // items of one call
constexpr std::uint64_t kAll = 100'000;

using Numbers = Queue<std::uint64_t>;

struct Case {
  const char* point;
  std::uint64_t maxsize = 0;
  int visit = 1;
  friend std::ostream& operator<<(std::ostream& out, const Case& c) {
    return out << c.point << " maxsize " << c.maxsize << " visit " << c.visit;
  }
};

std::vector<std::uint64_t> numbers(std::uint64_t first, std::uint64_t count) {
  std::vector<std::uint64_t> run(count);
  std::iota(run.begin(), run.end(), first);
  return run;
}

// Everything that is there; then a bounded queue has room for as much as it was made for.
std::vector<std::uint64_t> drained(const Numbers& queue, std::uint64_t maxsize) {
  std::vector<std::uint64_t> items;
  if (!queue.empty()) items = queue.get_many(kAll, Timeout::zero());
  (void)shm::bury_the_dead();
  for (std::uint64_t i = 0; i < maxsize; ++i) EXPECT_TRUE(queue.try_put(i)) << i;
  EXPECT_TRUE(maxsize == 0 || !queue.try_put(0));
  return items;
}

class QueueRunChaosTest : public testing::TestWithParam<Case> {
 protected:
  Numbers queue_{GetParam().maxsize};
  test::Shared<std::atomic<std::uint64_t>> done_;  // by the victim, in calls that have returned
};

using QueueRunProducerChaosTest = QueueRunChaosTest;
using QueueRunConsumerChaosTest = QueueRunChaosTest;

TEST_P(QueueRunProducerChaosTest, WhatWasPublishedComesInOrderAndWhole) {
  auto victim = Child::run([&] {
    sys::arm_crash_point(GetParam().point, GetParam().visit);
    for (std::uint64_t first = 0; first < kAll; first += kRun) {
      queue_.put_many(numbers(first, kRun));
      done_->store(first + kRun);
    }
  });
  ASSERT_EQ(victim.wait(), test::killed_by(SIGKILL));

  const auto items = drained(queue_, GetParam().maxsize);

  EXPECT_GE(items.size(), done_->load());
  EXPECT_LE(items.size(), done_->load() + kRun);
  EXPECT_EQ(items, numbers(0, items.size()));
}

INSTANTIATE_TEST_SUITE_P(
    Points, QueueRunProducerChaosTest,
    testing::Values(Case{"queue.put.filled"}, Case{"queue.put.filled", 0, 100},
                    Case{"queue.put.published"}, Case{"queue.put.published", 0, 100},
                    Case{"queue.put.counted", 0, 7}, Case{"queue.grow.allocated", 0, 3},
                    Case{"queue.grow.linked", 0, 2}, Case{"queue.grow.placed", 0, 4},
                    Case{"queue.put.credited", 120, 1}, Case{"queue.put.credited", 120, 70},
                    Case{"queue.put.filled", 120, 33}, Case{"queue.put.published", 120, 2},
                    Case{"queue.put.counted", 120, 1}));

TEST_P(QueueRunConsumerChaosTest, LosesAtMostTheRunThatItHadClaimed) {
  const std::uint64_t count = GetParam().maxsize == 0 ? 20'000 : GetParam().maxsize;
  queue_.put_many(numbers(0, count));
  auto victim = Child::run([&] {
    sys::arm_crash_point(GetParam().point, GetParam().visit);
    while (done_->load() < count) done_->fetch_add(queue_.get_many(kRun).size());
  });
  ASSERT_EQ(victim.wait(), test::killed_by(SIGKILL));

  const auto items = drained(queue_, GetParam().maxsize);

  ASSERT_FALSE(items.empty());
  EXPECT_GE(items.front(), done_->load());
  EXPECT_LE(items.front(), done_->load() + kRun);
  EXPECT_EQ(items, numbers(items.front(), count - items.front()));
}

INSTANTIATE_TEST_SUITE_P(
    Points, QueueRunConsumerChaosTest,
    testing::Values(Case{"queue.get.copied"}, Case{"queue.get.copied", 0, 60},
                    Case{"queue.get.claimed"}, Case{"queue.get.claimed", 0, 60},
                    Case{"queue.pass.moved", 0, 2}, Case{"queue.pass.taken", 0, 3},
                    Case{"queue.pass.emptied", 0, 1}, Case{"queue.get.copied", 120, 2},
                    Case{"queue.get.claimed", 120, 2}, Case{"queue.get.credited", 120, 1},
                    Case{"queue.get.credited", 120, 70}));

}  // namespace
}  // namespace multiprocessing
