// ThreadPool: what it has in common with Pool beside the calls, on threads.

#include <multiprocessing/pool.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <multiprocessing/futures.hpp>
#include <multiprocessing/threading.hpp>

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;

int square(int x) {
  return x * x;
}

std::atomic<int> begun{0};
std::atomic<int> ended{0};

TEST(ThreadPoolTest, ItTakesThePoolsOptions) {
  begun = ended = 0;
  {
    ThreadPool pool({.processes = 2, .initializer = [] { ++begun; }, .finalizer = [] { ++ended; }});
    EXPECT_EQ(pool.map(square, range(4)), (std::vector<int>{0, 1, 4, 9}));
    EXPECT_EQ(pool.apply([] { return worker_count(); }), 2);
  }
  EXPECT_EQ(begun, 2);
  EXPECT_EQ(ended, 2);
}

// What the error says; empty: there is none.
std::string refusal(PoolOptions options) {
  options.processes = 1;
  try {
    const ThreadPool pool(std::move(options));
    return {};
  } catch (const ValueError& error) {
    return error.what();
  }
}

TEST(ThreadPoolTest, WhatThreadsCannotHaveIsRefusedByName) {
  const auto names = [](const std::string& text, const std::string& option) {
    return text.find(" " + option + ":") != std::string::npos;
  };
  EXPECT_TRUE(names(refusal({.maxtasksperchild = 3}), "maxtasksperchild"));
  EXPECT_TRUE(names(refusal({.method = StartMethod::spawn}), "method"));
  EXPECT_TRUE(names(refusal({.task_timeout = 1s}), "task_timeout"));
  EXPECT_TRUE(names(refusal({.retries = 1}), "retries"));
  EXPECT_TRUE(names(refusal({.worker = {.cwd = "/"}}), "worker.cwd"));
  EXPECT_TRUE(names(refusal({.worker = {.nice = 1}}), "worker.nice"));
  EXPECT_EQ(refusal({.worker = {.name = "reader"}}), "");
  EXPECT_THROW(ThreadPool({.processes = 0}), ValueError);
}

TEST(ThreadPoolTest, ItsThreadsHaveNames) {
  const auto name = [] { return threading::current_thread().name(); };
  ThreadPool pool(1);
  EXPECT_EQ(pool.apply(name), "ThreadPool_0");
  ThreadPool named({.processes = 1, .worker = {.name = "reader of many files"}});
  EXPECT_EQ(named.apply(name), "reader of many files_0");
}

TEST(ThreadPoolTest, AGrownPoolRunsSoManyTasksAtOnce) {
  ThreadPool pool(1);
  threading::Barrier together(4);

  pool.resize(4);

  const std::vector<int> indices = pool.map(
      [&together](int) {
        (void)together.wait(20s);
        return worker_index();
      },
      range(4), 1);
  EXPECT_EQ(std::set<int>(indices.begin(), indices.end()), (std::set<int>{0, 1, 2, 3}));
  EXPECT_EQ(pool.stats().size(), 4U);
  EXPECT_THROW(pool.resize(0), ValueError);
}

TEST(ThreadPoolTest, AShrunkPoolLosesNoTaskAndRunsFewerAtOnce) {
  ended = 0;
  ThreadPool pool({.processes = 4, .finalizer = [] { ++ended; }});
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  const auto work = [&](int x) {
    const int now = ++inside;
    for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
    }
    std::this_thread::sleep_for(100us);  // the work: others begin meanwhile
    --inside;
    return x;
  };
  const auto before = pool.map_async(work, range(200), 1);
  pool.resize(1);
  EXPECT_EQ(before.get().size(), 200U);

  while (ended < 3) std::this_thread::yield();
  most = 0;
  EXPECT_EQ(pool.map(work, range(50), 1).size(), 50U);
  EXPECT_EQ(most, 1);
  EXPECT_EQ(pool.stats().size(), 1U);
  EXPECT_EQ(pool.apply([] { return worker_count(); }), 1);
}

TEST(ThreadPoolTest, TasksComeThroughWhileItIsResized) {
  ThreadPool pool(2);
  std::atomic<bool> stop{false};
  std::thread resizer([&] {
    for (int i = 0; !stop; ++i) pool.resize(1 + i % 5);
  });
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(pool.apply(square, i), i * i);
    EXPECT_EQ(pool.map(square, range(8), 1).back(), 49);
  }
  stop = true;
  resizer.join();
  pool.close();
  pool.join();
  EXPECT_THROW(pool.resize(2), ValueError);
}

TEST(ThreadPoolTest, ATaskMayResizeItsPool) {
  ThreadPool pool(3);
  pool.apply([&pool] { pool.resize(1); });
  EXPECT_EQ(pool.map(square, range(20), 1).back(), 361);
  pool.apply([&pool] { pool.resize(2); });
  EXPECT_EQ(pool.stats().size(), 2U);
}

TEST(ThreadPoolTest, StatsCountTasksAndTime) {
  ThreadPool pool(1);
  for (int i = 0; i < 10; ++i) (void)pool.apply(square, i);
  pool.apply([] { std::this_thread::sleep_for(30ms); });  // the time that is to be counted
  const int thread = pool.apply([] { return static_cast<int>(threading::get_native_id()); });

  const std::vector<WorkerStats> stats = pool.stats();

  ASSERT_EQ(stats.size(), 1U);
  EXPECT_EQ(stats[0].tasks, 12U);
  EXPECT_GE(stats[0].busy, 30ms);
  EXPECT_GE(stats[0].idle, 0ns);
  EXPECT_EQ(stats[0].pid, thread);
  EXPECT_EQ(stats[0].restarts, 0U);
}

}  // namespace
}  // namespace multiprocessing
