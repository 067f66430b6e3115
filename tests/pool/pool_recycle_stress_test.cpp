// Workers that retire after some tasks, for each number of workers, limit and number of tasks, also
// while workers are killed at random: each task is done once, or is lost with its worker.

#include <multiprocessing/pool.hpp>

#include <chrono>
#include <cstddef>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include <multiprocessing/process.hpp>
#include <multiprocessing/sharedctypes.hpp>

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;

int count_run(const RawArray<int>& runs, int i) {
  ++runs[static_cast<std::size_t>(i)];
  return i;
}

void kill_one(std::mt19937& random) {
  const auto workers = active_children();
  if (!workers.empty()) workers[random() % workers.size()].kill();
}

void recycle(int workers, int limit, int tasks, std::mt19937* killer) {
  SCOPED_TRACE(testing::Message() << workers << " workers, limit " << limit << ", " << tasks
                                  << " tasks");
  Pool pool({.processes = workers, .maxtasksperchild = limit});
  const RawArray<int> runs(static_cast<std::size_t>(tasks));
  std::vector<AsyncResult<int>> results;
  for (int i = 0; i < tasks; ++i) results.push_back(pool.apply_async(count_run, runs, i));
  for (int i = 0; i < tasks; ++i) {
    const auto at = static_cast<std::size_t>(i);
    if (killer != nullptr && (*killer)() % 4 == 0) kill_one(*killer);
    try {
      ASSERT_EQ(results[at].get(20s), i);
      ASSERT_EQ(runs[at], 1);
    } catch (const WorkerDied&) {
      ASSERT_NE(killer, nullptr);
      ASSERT_LE(runs[at], 1);
    }
  }
}

class PoolRecycleTest : public testing::TestWithParam<int> {};

INSTANTIATE_TEST_SUITE_P(Workers, PoolRecycleTest, testing::Range(1, 5));

TEST_P(PoolRecycleTest, NothingIsLostOrRepeated) {
  for (int limit = 1; limit <= 5; ++limit) {
    for (int tasks = 1; tasks <= 50; ++tasks) recycle(GetParam(), limit, tasks, nullptr);
  }
}

TEST_P(PoolRecycleTest, NothingIsRepeatedWhileWorkersAreKilled) {
  std::mt19937 random(static_cast<unsigned>(GetParam()));
  for (int limit = 1; limit <= 5; ++limit) {
    for (int tasks = 1; tasks <= 50; ++tasks) recycle(GetParam(), limit, tasks, &random);
  }
}

}  // namespace
}  // namespace multiprocessing
