// Deaths of workers and of the keeper.

#include <multiprocessing/pool.hpp>

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <multiprocessing/synchronize.hpp>

#include "pool/keeper_pid.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using test::keeper_pid;

int square(int x) {
  return x * x;
}
int one() {
  return 1;
}
int kill_self_at(int bad, int x) {
  if (x == bad) ::kill(::getpid(), SIGKILL);
  return x;
}

TEST(PoolCrashTest, WorkerKilledMidTaskFailsOnlyThatTask) {
  Pool pool(2);
  std::vector<AsyncResult<int>> results;

  for (int i = 0; i < 20; ++i) results.push_back(pool.apply_async(kill_self_at, 7, i));

  for (int i = 0; i < 20; ++i) {
    const auto& result = results[static_cast<std::size_t>(i)];
    if (i != 7) {
      EXPECT_EQ(result.get(), i);
      continue;
    }
    try {
      (void)result.get();
      FAIL();
    } catch (const WorkerDied& death) {
      EXPECT_EQ(death.signal(), SIGKILL);
      EXPECT_EQ(death.exit_code(), std::nullopt);
      EXPECT_GT(death.pid(), 0);
      EXPECT_FALSE(death.task_name().empty());
    }
  }
}

void break_memory() {
  const struct rlimit none{};
  ::setrlimit(RLIMIT_CORE, &none);
  ::signal(SIGSEGV, SIG_DFL);  // a sanitizer's handler would make an exit of it
  ::raise(SIGSEGV);
}

TEST(PoolCrashTest, TheTextSaysWhoDiedOfWhatAndWhichTaskItRan) {
  Pool pool(1);
  try {
    pool.apply_async({.name = "page 7"}, break_memory).get();
    FAIL();
  } catch (const WorkerDied& death) {
    EXPECT_EQ(death.what(), "the worker (pid " + std::to_string(death.pid()) +
                                ") that ran page 7 was killed by SIGSEGV; only this task is lost "
                                "(retries or Retry try such a task again)");
  }
  EXPECT_EQ(pool.apply(square, 3), 9);
}

TEST(PoolCrashTest, AWorkerThatExitsFailsItsTaskWithTheExitCode) {
  Pool pool(1);

  try {
    pool.apply([] { std::exit(3); });
    FAIL();
  } catch (const WorkerDied& death) {
    EXPECT_EQ(death.exit_code(), 3);
    EXPECT_EQ(death.signal(), std::nullopt);
  }
  EXPECT_THROW(pool.apply([] { throw SystemExit{4}; }), WorkerDied);

  EXPECT_EQ(pool.apply(square, 3), 9);
}

TEST(PoolCrashTest, AWorkerKilledInAMapFailsOneItemAndTheOthersRun) {
  Pool pool(2);
  const auto before = pool.apply(one);

  auto results = pool.imap(partial(kill_self_at, 7), range(20), 20);

  for (int i = 0; i < 20; ++i) {
    if (i == 7) {
      EXPECT_THROW(results.next(), WorkerDied);
    } else {
      EXPECT_EQ(results.next(), i);
    }
  }
  EXPECT_THROW(pool.map(partial(kill_self_at, 7), range(20)), WorkerDied);
  EXPECT_EQ(before, 1);
}

TEST(PoolCrashTest, AnIdleWorkerThatIsKilledIsReplaced) {
  Pool pool(2);
  for (int round = 0; round < 5; ++round) {
    const std::vector<int> pids = pool.map([](int) { return ::getpid(); }, range(2), 1);

    for (const int pid : pids) ::kill(pid, SIGKILL);

    for (int i = 0; i < 10; ++i) {
      try {
        EXPECT_EQ(pool.apply(square, i), i * i);
      } catch (const WorkerDied&) {  // it had taken the task when the signal came
      }
    }
  }
}

TEST(PoolCrashTest, AReplacementKeepsTheIndex) {
  Pool pool(1);

  EXPECT_THROW(pool.apply([] { ::kill(::getpid(), SIGKILL); }), WorkerDied);

  EXPECT_EQ(pool.apply([] { return worker_index(); }), 0);
}

TEST(PoolCrashTest, APoolWhoseKeeperIsKilledGoesOn) {
  Pool pool(2);
  EXPECT_EQ(pool.apply(square, 2), 4);

  for (int round = 0; round < 3; ++round) {
    const pid_t keeper = keeper_pid();
    ASSERT_GT(keeper, 0);
    ::kill(keeper, SIGKILL);

    EXPECT_EQ(pool.apply(square, 3), 9) << "the workers need no keeper";
    EXPECT_THROW(pool.apply(kill_self_at, 1, 1), WorkerDied) << "the next keeper finds the dead";
    EXPECT_EQ(pool.map(square, range(4)), (std::vector<int>{0, 1, 4, 9}));
  }
  pool.close();
  ::kill(keeper_pid(), SIGKILL);
  pool.join();
}

TEST(PoolCrashTest, KeeperAndWorkersKilledAtOnceAreReplaced) {
  Pool pool(2);
  const std::vector<int> pids = pool.map([](int) { return ::getpid(); }, range(8), 1);

  ::kill(keeper_pid(), SIGKILL);
  for (const int pid : pids) ::kill(pid, SIGKILL);

  EXPECT_EQ(pool.map(square, range(4)).size(), 4U);
}

TEST(PoolCrashTest, EveryTaskResolvesWhileWorkersAreKilledAtRandom) {
  Pool pool(4);
  constexpr int kTasks = 1000;
  std::vector<AsyncResult<int>> results;
  for (int i = 0; i < kTasks; ++i) {
    results.push_back(pool.apply_async([] {
      std::this_thread::sleep_for(1ms);  // the work: kills fall into it
      return 1;
    }));
  }
  std::mt19937 random(20);
  int kills = 0;

  int sum = 0;
  int failures = 0;
  for (int i = 0; i < kTasks; ++i) {
    if (i % 25 == 0) {
      const auto workers = active_children();
      if (!workers.empty()) {
        workers[random() % workers.size()].kill();
        ++kills;
      }
    }
    try {
      sum += results[static_cast<std::size_t>(i)].get();
    } catch (const WorkerDied&) {
      ++failures;
    }
  }

  EXPECT_EQ(sum + failures, kTasks);
  EXPECT_LE(failures, kills);
  EXPECT_EQ(pool.apply(square, 5), 25);
}

TEST(PoolCrashTest, MapCountsEveryItemOnceWhileWorkersAreKilledAtRandom) {
  Pool pool(3);
  auto results = pool.imap_unordered(
      [](int x) {
        std::this_thread::sleep_for(200us);  // the work
        return x;
      },
      range(2000), 50);
  std::vector<int> seen(2000);
  std::mt19937 random(21);
  int kills = 0;
  int failures = 0;

  for (int i = 0; i < 2000; ++i) {
    if (i % 100 == 50) {
      const auto workers = active_children();
      if (!workers.empty()) {
        workers[random() % workers.size()].kill();
        ++kills;
      }
    }
    try {
      const auto item = results.next();
      ASSERT_TRUE(item.has_value());
      ++seen[static_cast<std::size_t>(*item)];
    } catch (const WorkerDied&) {
      ++failures;
    }
  }

  int missing = 0;
  for (const int count : seen) {
    EXPECT_LE(count, 1);
    missing += count == 0 ? 1 : 0;
  }
  EXPECT_EQ(missing, failures);
  EXPECT_LE(failures, kills);
  EXPECT_EQ(results.next(), std::nullopt);
}

TEST(PoolCrashTest, RetriesRunATaskAgainThatDied) {
  Pool pool({.processes = 1, .retries = 2});
  const Event first;
  const auto die_once = [](const Event& event, int x) {
    if (!event.is_set()) {
      event.set();
      ::kill(::getpid(), SIGKILL);
    }
    return x;
  };

  EXPECT_EQ(pool.apply(die_once, first, 5), 5);
  first.clear();
  EXPECT_EQ(pool.map(partial(die_once, first), range(3)), (std::vector<int>{0, 1, 2}));
  EXPECT_THROW(pool.apply(kill_self_at, 1, 1), WorkerDied);
}

}  // namespace
}  // namespace multiprocessing
