// Pools of which somebody is killed all the time, under each start method: a worker, the keeper,
// the fork server. Nobody hangs; each task and item is done once, or is reported as lost with its
// worker.

#include <multiprocessing/context.hpp>
#include <multiprocessing/pool.hpp>

#include <signal.h>

#include <chrono>
#include <cstddef>
#include <optional>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <multiprocessing/sharedctypes.hpp>

#include "pool/keeper_pid.hpp"
#include "pool/tasks.hpp"
#include "process/each_start_method.hpp"
#include "support/fork_server.hpp"
#include "sys/process.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using test::square;

/// Kills somebody at every call, and counts the workers among them.
class Killer {
 public:
  explicit Killer(unsigned seed) : random_(seed) {}

  void strike() {
    switch (random_() % 4) {
      case 0:
        end(test::keeper_pid());
        break;
      case 1:
        end(test::fork_server_pid());
        break;
      default:
        strike_worker();
    }
  }
  [[nodiscard]] int workers() const noexcept { return workers_; }

 private:
  static void end(pid_t pid) {
    if (pid > 0) ::kill(pid, SIGKILL);
  }
  void strike_worker() {
    const auto workers = active_children();
    if (workers.empty()) return;
    workers[random_() % workers.size()].kill();
    ++workers_;
  }

  std::mt19937 random_;
  int workers_ = 0;
};

int count_run(const Array<int>& runs, int i) {
  {
    const std::lock_guard guard(runs.get_lock());
    ++runs[static_cast<std::size_t>(i)];
  }
  std::this_thread::sleep_for(2ms);  // the work: kills fall into it
  return i;
}

// A worker whose keepers died as it started comes late, finds its seat taken back, and ends.
void expect_nobody() {
  while (!active_children().empty()) std::this_thread::yield();
  const pid_t keeper = test::keeper_pid();  // or of a dead one, whom nobody has missed so far
  EXPECT_FALSE(keeper > 0 && sys::process_runs(keeper, 0));
}

using PoolKillersTest = test::EachStartMethod;

INSTANTIATE_TEST_SUITE_P(Methods, PoolKillersTest, test::each_start_method(), test::name_of_method);

TEST_P(PoolKillersTest, EveryTaskIsDoneOnceOrIsLostWithItsWorker) {
  constexpr int kTasks = 200;
  for (const unsigned seed : {1U, 2U, 3U}) {
    SCOPED_TRACE(seed);
    Pool pool = ctx().Pool(3);
    Killer killer(seed);
    const Array<int> runs(kTasks);
    std::vector<AsyncResult<int>> results;
    for (int i = 0; i < kTasks; ++i) results.push_back(pool.apply_async(count_run, runs, i));
    int failures = 0;

    for (int i = 0; i < kTasks; ++i) {
      if (i % 10 == 5) killer.strike();
      const auto at = static_cast<std::size_t>(i);
      try {
        EXPECT_EQ(results[at].get(20s), i);
        EXPECT_EQ(runs[at], 1);
      } catch (const WorkerDied&) {
        ++failures;
        EXPECT_LE(runs[at], 1);
      }
    }

    EXPECT_LE(failures, killer.workers());
    EXPECT_EQ(pool.apply(square, 5), 25);
    pool.close();
    pool.join();
    expect_nobody();
  }
}

TEST_P(PoolKillersTest, EveryItemOfAStreamComesOutOnce) {
  constexpr int kItems = 300;
  for (const unsigned seed : {4U, 5U}) {
    SCOPED_TRACE(seed);
    Pool pool = ctx().Pool(2);
    Killer killer(seed);
    const Array<int> runs(kItems);
    auto results = pool.imap_unordered(partial(count_run, runs), range(kItems), 10);
    std::set<int> seen;
    int failures = 0;

    for (int i = 0; i < kItems; ++i) {
      if (i % 20 == 10) killer.strike();
      try {
        const std::optional<int> item = results.next(20s);
        ASSERT_TRUE(item.has_value());
        EXPECT_TRUE(seen.insert(*item).second) << *item << " came twice";
        EXPECT_EQ(runs[static_cast<std::size_t>(*item)], 1);
      } catch (const WorkerDied&) {
        ++failures;
      }
    }

    EXPECT_EQ(results.next(), std::nullopt);
    EXPECT_EQ(seen.size() + static_cast<std::size_t>(failures), std::size_t{kItems});
    EXPECT_LE(failures, killer.workers());
  }
}

TEST_P(PoolKillersTest, APoolCanBeEndedWhoeverIsKilledMeanwhile) {
  for (unsigned seed = 0; seed < 10; ++seed) {
    SCOPED_TRACE(seed);
    Killer killer(seed);
    {
      Pool pool = ctx().Pool(2);
      EXPECT_EQ(pool.apply(square, 5), 25);  // somebody is there to be killed
      for (int i = 0; i < 20; ++i) (void)pool.apply_async(test::spin);
      killer.strike();
      killer.strike();
    }
    expect_nobody();
  }
}

}  // namespace
}  // namespace multiprocessing
