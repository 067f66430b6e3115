// ProcessPoolExecutor: its workers, their deaths, its end.

#include <multiprocessing/futures.hpp>

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <multiprocessing/process.hpp>
#include <multiprocessing/sharedctypes.hpp>
#include <multiprocessing/synchronize.hpp>

#include "support/until.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;

int square(int x) {
  return x * x;
}
void defy_signals() {
  ::signal(SIGTERM, SIG_IGN);
  for (std::atomic<bool> on{true}; on;) {
  }
}

int start_a_child() {
  Process child([] { throw SystemExit{7}; });
  child.start();
  child.join();
  return current_process().daemon() ? -1 : child.exitcode().value_or(-1);
}

TEST(ProcessPoolExecutorTest, TasksMayStartProcesses) {
  for (const StartMethod method : {StartMethod::fork, StartMethod::spawn}) {
    ProcessPoolExecutor executor(1, {.method = method});
    EXPECT_EQ(executor.submit(start_a_child).result(), 7);
  }
}

TEST(ProcessPoolExecutorTest, ADeadWorkerFailsItsTaskOnly) {
  ProcessPoolExecutor executor(2);
  const auto dead = executor.submit({.name = "the unlucky one"}, [] { ::raise(SIGKILL); });
  std::vector<Future<int>> others;
  for (int i = 0; i < 50; ++i) others.push_back(executor.submit(square, i));

  try {
    dead.result();
    FAIL() << "its worker is dead";
  } catch (const WorkerDied& error) {
    const std::string text = error.what();
    EXPECT_EQ(error.signal(), SIGKILL);
    EXPECT_NE(text.find("SIGKILL"), std::string::npos) << text;
    EXPECT_NE(text.find("the unlucky one"), std::string::npos) << text;
    EXPECT_NE(text.find(std::to_string(error.pid())), std::string::npos) << text;
  }
  for (int i = 0; i < 50; ++i) EXPECT_EQ(others[static_cast<std::size_t>(i)].result(), i * i);
}

TEST(ProcessPoolExecutorTest, CancelStopsARunningTaskWhereThatIsAsked) {
  ProcessPoolExecutor executor(1);
  const auto running = executor.submit(defy_signals);
  test::until([&] { return running.running(); });

  EXPECT_FALSE(running.cancel());
  EXPECT_TRUE(running.cancel(true));

  EXPECT_TRUE(running.cancelled());
  EXPECT_THROW(running.result(), CancelledError);
  EXPECT_EQ(executor.submit(square, 4).result(20s), 16) << "by the next worker";
}

TEST(ProcessPoolExecutorTest, ATaskThatStopsWhenItIsCancelledKeepsItsWorker) {
  ProcessPoolExecutor executor(1);
  const int before = executor.submit([] { return ::getpid(); }).result();
  const auto running = executor.submit([] { test::until(stop_requested); });
  test::until([&] { return running.running(); });

  EXPECT_TRUE(running.cancel(true));

  EXPECT_EQ(executor.submit([] { return ::getpid(); }).result(), before);
  EXPECT_TRUE(running.cancelled());
}

TEST(ProcessPoolExecutorTest, ATaskThatWasStoppedIsEndedAtItsLimit) {
  ProcessPoolExecutor executor(1);

  const auto stopped = executor.submit({.timeout = 100ms}, [] { ::raise(SIGSTOP); });

  EXPECT_THROW(stopped.result(), TaskTimeout);
  EXPECT_EQ(executor.submit(square, 3).result(), 9);
}

TEST(ProcessPoolExecutorTest, ARetryRunsATaskAgainWhoseWorkerDied) {
  ProcessPoolExecutor executor(1, {.retry = Retry{.attempts = 3}});
  const Value<int> tries(0);

  const auto future = executor.submit(
      [](const Value<int>& count) {
        if (count.fetch_add(1) < 2) ::raise(SIGKILL);
        return 7;
      },
      tries);

  EXPECT_EQ(future.result(), 7);
}

TEST(ProcessPoolExecutorTest, AFailingInitializerBreaksItWithItsText) {
  ProcessPoolExecutor executor(2, {.initializer = +[] { throw ValueError("no licence"); }});
  const auto future = executor.submit(square, 1);

  EXPECT_THROW((void)future.result(), BrokenProcessPool);
  EXPECT_NE(describe(future.exception()).find("ValueError: no licence"), std::string::npos);
  EXPECT_TRUE(future.done());
  EXPECT_FALSE(future.cancelled());
  EXPECT_THROW((void)executor.submit(square, 1), BrokenProcessPool);
}

TEST(ProcessPoolExecutorTest, TheDestructorWaitsForAll) {
  const Value<int> done(0);
  {
    ProcessPoolExecutor executor(2);
    for (int i = 0; i < 100; ++i) {
      (void)executor.submit([](const Value<int>& count) { count.fetch_add(1); }, done);
    }
  }
  EXPECT_EQ(done.get(), 100);
}

TEST(ProcessPoolExecutorTest, WhileAnExceptionUnwindsTheDestructorIsBounded) {
  EXPECT_THROW(
      {
        ProcessPoolExecutor executor(2);
        for (int i = 0; i < 100; ++i) (void)executor.submit(defy_signals);
        throw std::runtime_error("unwinds");
      },
      std::runtime_error);
}

TEST(ProcessPoolExecutorTest, ShutdownWaitsForNoCallbacksOfAnotherExecutorsTasks) {
  ProcessPoolExecutor busy(1);
  const Event go;
  std::atomic<int> called{0};
  const auto open = busy.submit([](const Event& event) { event.wait(); }, go);
  open.add_done_callback([&] { ++called; });
  ProcessPoolExecutor other(1);
  other.submit([] {}).add_done_callback([&] { ++called; });

  other.shutdown();

  EXPECT_EQ(called, 1);
  go.set();
  busy.shutdown();
  EXPECT_EQ(called, 2);
}

TEST(ProcessPoolExecutorTest, WhatCannotBeSentIsATransferErrorThroughTheBase) {
  ProcessPoolExecutor executor(1);
  Executor& base = executor;
  int local = 3;

  EXPECT_THROW((void)base.submit([&local] { return local; }), TransferError);
  EXPECT_EQ(base.submit(partial(square, 3)).result(), 9);
}

}  // namespace
}  // namespace multiprocessing
