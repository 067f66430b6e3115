// What a Pool can beyond CPython's: options of single tasks, callbacks, outcomes, another size,
// statistics, state of workers.

#include <multiprocessing/pool.hpp>

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <multiprocessing/sharedctypes.hpp>
#include <multiprocessing/synchronize.hpp>

#include "pool/tasks.hpp"
#include "support/until.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using test::square;
using test::three_is_bad;

TEST(PoolOptionsTest, ASingleTaskMayHaveALimitARetryAndAName) {
  Pool pool(1);
  const Event died;

  EXPECT_THROW(pool.apply_async({.timeout = 50ms}, test::spin).get(), TaskTimeout);
  EXPECT_EQ(pool.apply_async(
                    {.retry = Retry{.attempts = 2}},
                    [](const Event& event) {
                      if (!event.is_set()) {
                        event.set();
                        ::raise(SIGKILL);
                      }
                      return 1;
                    },
                    died)
                .get(),
            1);
  try {
    pool.apply_async({.name = "my task"}, [] { ::raise(SIGABRT); }).get();
    FAIL();
  } catch (const WorkerDied& error) {
    EXPECT_EQ(error.task_name(), "my task");
  }
}

TEST(PoolOptionsTest, TasksOfHigherPriorityAreBegunFirst) {
  Pool pool(1);
  const Event go;
  const Array<int> order(4);
  const Value<int> next(0);
  const auto first = pool.apply_async([](const Event& event) { event.wait(); }, go);
  const auto note = [](const Array<int>& list, const Value<int>& at, int x) {
    list[static_cast<std::size_t>(at.fetch_add(1))] = x;
  };
  std::vector<AsyncResult<void>> results;
  results.push_back(pool.apply_async({.priority = -5}, note, order, next, 4));
  results.push_back(pool.apply_async(note, order, next, 3));
  results.push_back(pool.apply_async({.priority = 1}, note, order, next, 2));
  results.push_back(pool.apply_async({.priority = 9}, note, order, next, 1));

  go.set();
  for (const auto& result : results) result.get();

  EXPECT_EQ(std::vector<int>(order.begin(), order.end()), (std::vector<int>{1, 2, 3, 4}));
}

TEST(PoolOptionsTest, CallbacksComeThoughNobodyWaits) {
  Pool pool(2);
  std::atomic<int> sum{0};
  std::atomic<int> errors{0};
  const auto add = [&](int x) { sum += x; };
  const auto count = [&](const std::exception_ptr& error) {
    if (describe(error) == "ValueError: three") ++errors;
  };

  for (int i = 0; i < 5; ++i) {
    (void)pool.apply_async(Callbacks<int>{add, count}, three_is_bad, i);
  }
  (void)pool.map_async(
      Callbacks<std::vector<int>>{
          .callback = [&](std::vector<int> all) { sum += static_cast<int>(all.size()) * 100; }},
      square, range(3));

  test::until([&] { return sum == 1 + 2 + 4 + 300 && errors == 1; });
}

TEST(PoolOptionsTest, WhoHasJoinedMayLetGoOfWhatCallbacksUse) {
  for (int round = 0; round < 20; ++round) {
    int called = 0;
    Pool pool(2);
    for (int i = 0; i < 10; ++i) {
      (void)pool.apply_async(Callbacks<int>{.callback = [&called](int) { ++called; }}, square, i);
    }
    pool.close();
    pool.join();
    EXPECT_EQ(called, 10);
  }
}

TEST(PoolOptionsTest, OutcomesHandFailuresOut) {
  Pool pool(2);
  std::set<std::size_t> seen;

  for (auto& outcome : outcomes(pool.imap_unordered(three_is_bad, range(8), 2))) {
    seen.insert(outcome.index());
    EXPECT_EQ(static_cast<bool>(outcome), outcome.index() != 3);
    if (outcome) {
      EXPECT_EQ(outcome.value(), static_cast<int>(outcome.index()));
    } else {
      EXPECT_EQ(describe(outcome.error()), "ValueError: three");
      EXPECT_THROW((void)outcome.value(), ValueError);
    }
  }

  EXPECT_EQ(seen.size(), 8U);
}

TEST(PoolOptionsTest, WhatTheInputThrowsIsNoOutcome) {
  Pool pool(1);
  int read = 0;
  auto all = outcomes(pool.imap(square, generate([&]() -> std::optional<int> {
                                  if (read == 2) throw std::runtime_error("no more");
                                  return read++;
                                })));
  int count = 0;

  EXPECT_THROW(
      {
        for (auto& outcome : all) count += outcome ? 1 : 0;
      },
      std::runtime_error);
  EXPECT_EQ(count, 2);
}

TEST(PoolOptionsTest, ResizingUnderLoadLosesNothing) {
  Pool pool(2);
  std::vector<AsyncResult<int>> results;

  for (const int size : {8, 1, 3}) {
    for (int i = 0; i < 500; ++i) results.push_back(pool.apply_async(square, i));
    pool.resize(size);
  }
  for (std::size_t i = 0; i < results.size(); ++i) {
    const int x = static_cast<int>(i % 500);
    EXPECT_EQ(results[i].get(), x * x);
  }

  EXPECT_EQ(pool.apply([] { return worker_count(); }), 3);
  EXPECT_EQ(pool.stats().size(), 3U);
  EXPECT_THROW(pool.resize(0), ValueError);
  EXPECT_THROW(pool.resize(100'000), ValueError);
}

TEST(PoolOptionsTest, AGrownPoolRunsSoManyTasksAtOnce) {
  Pool pool(1);
  const Barrier together(4);

  pool.resize(4);

  pool.map(partial([](const Barrier& barrier, int) { (void)barrier.wait(20s); }, together),
           range(4), 1);
}

TEST(PoolOptionsTest, StatsCountTasksAndTime) {
  Pool pool(1);
  for (int i = 0; i < 10; ++i) (void)pool.apply(square, i);
  pool.apply([] { std::this_thread::sleep_for(30ms); });  // the time that is to be counted

  const auto before = pool.stats();
  EXPECT_THROW(pool.apply([] { ::raise(SIGKILL); }), WorkerDied);
  (void)pool.apply(square, 1);
  const auto after = pool.stats();

  EXPECT_GE(before[0].tasks, 10U);
  EXPECT_GE(before[0].busy, 25ms);
  EXPECT_GT(before[0].pid, 0);
  EXPECT_NE(after[0].pid, before[0].pid);
  EXPECT_EQ(after[0].restarts, before[0].restarts + 1);
}

struct Model {
  explicit Model(int size = 1) : weights(static_cast<std::size_t>(size)) {}
  std::vector<int> weights;
};

TEST(PoolOptionsTest, AWorkersStateIsMadeOnce) {
  Pool pool({.processes = 2, .initializer = +[] { emplace_worker_state<Model>(7); }});

  for (const int size : pool.map(
           [](int) {
             worker_state<Model>().weights.push_back(1);
             return static_cast<int>(worker_state<Model>().weights.capacity() > 0);
           },
           range(20))) {
    EXPECT_EQ(size, 1);
  }
  EXPECT_GE(pool.apply([] { return static_cast<int>(worker_state<Model>().weights.size()); }), 7);
}

TEST(PoolOptionsTest, WorkersShareTheProcessorsUnlessTheUserSaysOtherwise) {
  const auto variable = [](const std::string& name) {
    const char* const value = std::getenv(name.c_str());
    return std::string(value == nullptr ? "" : value);
  };
  ::unsetenv("OMP_NUM_THREADS");
  ::setenv("MKL_NUM_THREADS", "7", 1);
  Pool pool(2);

  EXPECT_EQ(pool.apply(variable, "OMP_NUM_THREADS"), std::to_string(std::max(1, cpu_count() / 2)));
  EXPECT_EQ(pool.apply(variable, "MKL_NUM_THREADS"), "7");
}

TEST(ThreadPoolTest, ItCallsAsAPoolDoes) {
  ThreadPool pool(3);
  int base = 1;  // captured by reference: it is one process

  EXPECT_EQ(pool.apply([&base](int x) { return base + x; }, 4), 5);
  EXPECT_EQ(pool.map(square, range(10)), (std::vector<int>{0, 1, 4, 9, 16, 25, 36, 49, 64, 81}));
  EXPECT_EQ(pool.starmap([](int a, int b) { return a + b; }, {std::pair{1, 2}, std::pair{3, 4}}),
            (std::vector<int>{3, 7}));
  pool.map([](int) {}, range(5));
  EXPECT_TRUE(pool.map(square, std::vector<int>{}).empty());
  EXPECT_THROW(pool.map(three_is_bad, range(10), 2), ValueError);
  int expected = 0;
  for (const int x : pool.imap(square, range(50), 3)) {
    EXPECT_EQ(x, expected * expected);
    ++expected;
  }
  int sum = 0;
  for (auto& outcome : outcomes(pool.imap_unordered(three_is_bad, range(5)))) {
    sum += outcome ? outcome.value() : 100;
  }
  EXPECT_EQ(sum, 107);
}

TEST(ThreadPoolTest, CloseAndJoinWaitAndTerminateDropsWhatHasNotBegun) {
  ThreadPool pool(1);
  EXPECT_THROW(pool.join(), ValueError);
  const auto before = pool.apply_async(square, 4);
  pool.close();
  EXPECT_THROW((void)pool.apply_async(square, 1), ValueError);
  pool.join();
  EXPECT_EQ(before.get(), 16);

  ThreadPool dropped(1);
  const auto running = dropped.apply_async([] { test::until(stop_requested); });
  const auto waiting = dropped.map_async(square, range(5));
  dropped.terminate();
  EXPECT_THROW((void)waiting.get(), CancelledError);
}

}  // namespace
}  // namespace multiprocessing
