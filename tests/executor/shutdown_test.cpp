// The end of executors, and of their workers.

#include <multiprocessing/futures.hpp>

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <regex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <multiprocessing/process.hpp>
#include <multiprocessing/sharedctypes.hpp>
#include <multiprocessing/synchronize.hpp>
#include <multiprocessing/threading.hpp>

#include "executor/each_executor.hpp"
#include "pool/tasks.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using test::square;

int slow_square(int x) {
  std::this_thread::sleep_for(2ms);  // so that some are left at shutdown
  return x * x;
}
int own_pid() {
  return static_cast<int>(::getpid());
}
void hold(const Event& go) {
  go.wait();
}

class ExecutorShutdownTest : public testing::TestWithParam<bool> {
 protected:
  static std::unique_ptr<Executor> make(int workers) {
    return test::make_executor(GetParam(), workers);
  }
};

INSTANTIATE_TEST_SUITE_P(Executors, ExecutorShutdownTest, testing::Bool(), test::executor_name);

TEST_P(ExecutorShutdownTest, WithoutWaitingAllTasksAreDoneAllTheSame) {
  const auto executor = make(2);
  std::vector<Future<int>> futures;
  for (int i = 0; i < 20; ++i) futures.push_back(executor->submit(slow_square, i));

  executor->shutdown(false);

  for (int i = 0; i < 20; ++i) EXPECT_EQ(futures[static_cast<std::size_t>(i)].result(), i * i);
}

TEST_P(ExecutorShutdownTest, WhatHasNotBegunIsCancelledWithoutWaiting) {
  const auto executor = make(1);
  const Event go;
  const auto running = executor->submit(hold, go);
  while (!running.running()) std::this_thread::yield();
  std::vector<Future<int>> queued;
  for (int i = 0; i < 5; ++i) queued.push_back(executor->submit(square, i));

  executor->shutdown(false, true);

  for (const auto& future : queued) EXPECT_TRUE(future.cancelled());
  go.set();
  running.result();
}

TEST_P(ExecutorShutdownTest, AtOnceAfterAMapItLosesNothing) {
  for (int round = 0; round < 20; ++round) {
    const auto executor = make(2);
    const auto sum = std::make_shared<int>(0);
    auto results = executor->map(square, range(5), MapOptions{.buffersize = 5});
    executor->shutdown(true);
    for (const int x : results) *sum += x;
    EXPECT_EQ(*sum, 30);
  }
}

TEST_P(ExecutorShutdownTest, AMapThatTimesOutThrowsThat) {
  const auto executor = make(1);
  const Event go;
  const auto wait_for = [](const Event& event, int x) {
    event.wait();
    return x;
  };
  auto results = executor->map(partial(wait_for, go), range(3), MapOptions{.timeout = 50ms});

  EXPECT_THROW(results.next(), TimeoutError);

  go.set();
}

TEST_P(ExecutorShutdownTest, AMapThatTimesOutCancelsWhatHasNotBegun) {
  const auto executor = make(1);
  const Event go;
  const Value<int> calls(0);
  const auto running = executor->submit(hold, go);
  while (!running.running()) std::this_thread::yield();
  auto results =
      executor->map(partial([](const Value<int>& count, int) { return count.fetch_add(1); }, calls),
                    range(4), MapOptions{.timeout = 0s});

  EXPECT_THROW((void)results.next(), TimeoutError);

  EXPECT_EQ(results.next(), std::nullopt);
  go.set();
  executor->shutdown();
  EXPECT_EQ(calls.get(), 0);
}

TEST_P(ExecutorShutdownTest, AMapThatIsDroppedCancelsWhatHasNotBegun) {
  const auto executor = make(1);
  const Event go;
  const Value<int> calls(0);
  const auto running = executor->submit(hold, go);
  while (!running.running()) std::this_thread::yield();
  {
    auto results = executor->map(
        partial([](const Value<int>& count, int) { return count.fetch_add(1); }, calls), range(4));
  }
  go.set();
  executor->shutdown();

  EXPECT_EQ(calls.get(), 0);
}

TEST(ProcessPoolShutdownTest, NoWorkerIsLeft) {
  ProcessPoolExecutor executor(3);
  for (int i = 0; i < 12; ++i) EXPECT_EQ(executor.submit(square, i).result(), i * i);
  EXPECT_LE(active_children().size(), 3U);

  executor.shutdown();

  EXPECT_TRUE(active_children().empty());
}

TEST(ProcessPoolShutdownTest, AProgramThatLeavesItsExecutorBehindEnds) {
  Process program([] {
    auto* const left = new ProcessPoolExecutor(2);  // NOLINT(cppcoreguidelines-owning-memory)
    EXPECT_EQ(left->submit(square, 2).result(), 4);
    (void)left->submit(test::spin);
    left->shutdown(false);
  });
  program.start();
  program.join();
  EXPECT_EQ(program.exitcode(), 0);
}

TEST(MaxTasksTest, AWorkerIsReplacedAfterItsNumberOfTasks) {
  ProcessPoolExecutor executor(1, {.max_tasks_per_child = 3});
  std::vector<int> pids;
  for (int i = 0; i < 9; ++i) pids.push_back(executor.submit(own_pid).result());

  EXPECT_EQ((std::set<int>(pids.begin(), pids.end()).size()), 3U);
  for (std::size_t i = 0; i < 9; ++i) EXPECT_EQ(pids[i], pids[i / 3 * 3]);
}

TEST(MaxTasksTest, ShutdownWaitsForTasksOfWorkersThatAreYetToCome) {
  for (const bool wait : {true, false}) {
    ProcessPoolExecutor executor(2, {.max_tasks_per_child = 1});
    std::vector<Future<int>> futures;
    for (int i = 0; i < 8; ++i) futures.push_back(executor.submit(square, i));

    executor.shutdown(wait);

    for (int i = 0; i < 8; ++i) EXPECT_EQ(futures[static_cast<std::size_t>(i)].result(), i * i);
  }
}

TEST(MaxTasksTest, WorkersThatComeAndGoCanBeKilled) {
  for (int round = 0; round < 10; ++round) {
    ProcessPoolExecutor executor(2, {.max_tasks_per_child = 1});
    std::vector<Future<int>> futures;
    for (int i = 0; i < 20; ++i) futures.push_back(executor.submit(square, i));
    (void)futures[static_cast<std::size_t>(round)].result();

    executor.kill_workers();

    for (const auto& future : futures) EXPECT_TRUE(wait(std::vector{future}, 20s).not_done.empty());
  }
}

// The first worker starts well, its successors do not.
void start_once(const Value<int>& starts) {
  if (starts.fetch_add(1) != 0) throw ValueError("no second time");
}

TEST(MaxTasksTest, ReplacementsThatCannotStartBreakThePool) {
  const Value<int> starts(0);
  ProcessPoolExecutor executor(
      1, {.initializer = partial(start_once, starts), .max_tasks_per_child = 1});

  EXPECT_EQ(executor.submit(square, 3).result(), 9);
  EXPECT_THROW((void)executor.submit(square, 4).result(), BrokenProcessPool);
}

TEST(ThreadPoolExecutorTest, ByDefaultItHasFourMoreThreadsThanProcessors) {
  EXPECT_EQ(ThreadPoolExecutor().worker_limit(),
            static_cast<std::size_t>(std::min(32, cpu_count() + 4)));
}

TEST(ThreadPoolExecutorTest, ItsThreadsAreNamedAfterIt) {
  const auto names_in = [](ThreadPoolExecutor& executor) {
    const threading::Barrier all(3);
    const auto meet = [all](int) {
      all.wait();  // so that each is in a thread of its own
      return threading::current_thread().name();
    };
    std::set<std::string> names;
    for (auto& name : executor.map(meet, range(3))) names.insert(std::move(name));
    return names;
  };
  ThreadPoolExecutor first(3);
  ThreadPoolExecutor second(3);
  ThreadPoolExecutor third(3, {.thread_name_prefix = "a prefix of more than fifteen bytes"});

  for (ThreadPoolExecutor* const executor : {&first, &second}) {
    const std::set<std::string> names = names_in(*executor);
    EXPECT_EQ(names.size(), 3U);
    for (const std::string& name : names) {
      EXPECT_TRUE(std::regex_match(name, std::regex("ThreadPoolExecutor-[0-9]+_[0-2]"))) << name;
    }
  }
  EXPECT_NE(names_in(first), names_in(second));
  EXPECT_TRUE(names_in(third).contains("a prefix of more than fifteen bytes_2"));
}

TEST(ThreadPoolExecutorTest, ProcessesCanBeStartedInItsThreads) {
  ThreadPoolExecutor executor(1);
  const auto code = executor.submit([] {
    Process process([] { throw SystemExit{5}; });
    process.start();
    process.join();
    return process.exitcode();
  });
  EXPECT_EQ(code.result(), 5);
}

}  // namespace
}  // namespace multiprocessing
