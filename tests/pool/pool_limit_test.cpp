// Tasks that overrun their limit.

#include <multiprocessing/pool.hpp>

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <multiprocessing/synchronize.hpp>

#include "pool/tasks.hpp"
#include "support/until.hpp"
#include "sys/process.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using test::spin;
using test::square;

TEST(PoolLimitTest, ATaskThatOverrunsIsEndedAndTheOthersComplete) {
  Pool pool({.processes = 2, .task_timeout = 200ms});
  const auto late = pool.apply_async(spin);
  std::vector<AsyncResult<int>> results;

  for (int i = 0; i < 20; ++i) results.push_back(pool.apply_async(square, i));

  EXPECT_THROW(late.get(), TaskTimeout);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(results[static_cast<std::size_t>(i)].get(), i * i);
}

TEST(PoolLimitTest, ATaskThatBlocksEverySignalIsEndedToo) {
  Pool pool({.processes = 1, .task_timeout = 100ms});

  const auto late = pool.apply_async([] {
    sigset_t all;
    ::sigfillset(&all);
    ::sigprocmask(SIG_BLOCK, &all, nullptr);
    spin();
  });
  const auto stopped = pool.apply_async([] { ::raise(SIGSTOP); });

  EXPECT_THROW(late.get(), TaskTimeout);
  EXPECT_THROW(stopped.get(), TaskTimeout);
  EXPECT_EQ(pool.apply(square, 4), 16);
}

TEST(PoolLimitTest, ATaskThatStopsWhenAskedKeepsItsWorker) {
  Pool pool({.processes = 1, .task_timeout = 100ms});
  const int before = pool.apply([] { return ::getpid(); });

  EXPECT_THROW(pool.apply([] { test::until(stop_requested); }), TaskTimeout);

  EXPECT_EQ(pool.apply([] { return ::getpid(); }), before);
}

TEST(PoolLimitTest, TheLimitIsForEachItemOfAMap) {
  Pool pool({.processes = 2, .task_timeout = 300ms});

  auto results = pool.imap(
      [](int x) {
        if (x == 2) spin();
        std::this_thread::sleep_for(20ms);  // the work: well within its own limit
        return x;
      },
      range(30), 30);

  for (int i = 0; i < 30; ++i) {
    if (i == 2) {
      EXPECT_THROW(results.next(), TaskTimeout);
    } else {
      EXPECT_EQ(results.next(), i);
    }
  }
}

TEST(PoolLimitTest, RetriesCountForWhatEndsByItselfAfterItsLimit) {
  Pool pool({.processes = 1, .task_timeout = 100ms, .retries = 1});
  const Event late;
  const auto late_once = [](const Event& event, int x) {
    if (x == 2 && !event.is_set()) {
      event.set();
      test::until(stop_requested);
      throw ValueError("too late to count");
    }
    return std::to_string(x);
  };

  EXPECT_EQ(pool.map(partial(late_once, late), {0, 1, 2, 3}),
            (std::vector<std::string>{"0", "1", "2", "3"}));
  late.clear();
  EXPECT_EQ(pool.map(partial(late_once, late), std::vector<long>{1, 2, 3}, 3).size(), 3U);
  late.clear();
  EXPECT_EQ(pool.apply(late_once, late, 2), "2");
}

TEST(PoolLimitTest, WhatATaskLeavesBehindIsKilledWithItsWorker) {
  Pool pool({.processes = 1, .task_timeout = 300ms});
  const std::string path = testing::TempDir() + "pool_limit_" + std::to_string(::getpid());

  EXPECT_THROW(pool.apply(
                   [](const std::string& file) {
                     const std::string command =
                         "sleep 999 & echo $! > " + file + "; setsid sleep 999 & wait";
                     if (std::system(command.c_str()) != 0) spin();
                   },
                   path),
               TaskTimeout);
  (void)pool.apply(square, 1);

  std::ifstream file(path);
  pid_t left = 0;
  file >> left;
  ASSERT_GT(left, 0);
  EXPECT_FALSE(sys::process_runs(left, 0));
  (void)std::remove(path.c_str());
}

}  // namespace
}  // namespace multiprocessing
