// terminate_workers and kill_workers: what becomes of tasks that run, that wait, that come later.

#include <multiprocessing/futures.hpp>

#include <signal.h>

#include <array>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <multiprocessing/process.hpp>
#include <multiprocessing/synchronize.hpp>

#include "pool/tasks.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using test::square;

void defy_signals(const Event& begun) {
  ::signal(SIGTERM, SIG_IGN);
  begun.set();
  test::spin();
}
void stop_when_asked(const Event& begun) {
  begun.set();
  while (!stop_requested()) std::this_thread::sleep_for(1ms);
}

class EndWorkersTest : public testing::TestWithParam<bool> {
 protected:
  static void end(ProcessPoolExecutor& executor) {
    GetParam() ? executor.kill_workers() : executor.terminate_workers();
  }
};

INSTANTIATE_TEST_SUITE_P(Ways, EndWorkersTest, testing::Bool(),
                         [](const auto& test) { return test.param ? "Kill" : "Terminate"; });

TEST_P(EndWorkersTest, WhatRunsIsBrokenAndWhatWaitsIsCancelled) {
  ProcessPoolExecutor executor(1);
  const Event begun;
  const auto running = executor.submit({.name = "the long one"}, defy_signals, begun);
  const auto waiting = executor.submit(square, 2);
  begun.wait();

  end(executor);

  EXPECT_TRUE(waiting.cancelled());
  EXPECT_THROW((void)waiting.result(), CancelledError);
  EXPECT_TRUE(running.done());
  EXPECT_FALSE(running.cancelled());
  EXPECT_THROW(running.result(), BrokenProcessPool);
  EXPECT_NE(describe(running.exception()).find("terminate_workers() or kill_workers()"),
            std::string::npos);
}

TEST_P(EndWorkersTest, WhoWaitsForWhatRunsIsToldAtOnce) {
  ProcessPoolExecutor executor(1);
  const Event begun;
  const auto running = executor.submit(defy_signals, begun);
  begun.wait();
  std::thread waiter([&] { EXPECT_THROW(running.result(20s), BrokenProcessPool); });

  end(executor);

  waiter.join();
}

TEST_P(EndWorkersTest, NothingIsTakenAfterwards) {
  ProcessPoolExecutor executor(1);
  end(executor);

  EXPECT_THROW((void)executor.submit(square, 1), ValueError);
  end(executor);
  executor.shutdown();
  EXPECT_THROW((void)executor.submit(square, 1), ValueError);
}

TEST_P(EndWorkersTest, WhatHadEndedKeepsItsResult) {
  ProcessPoolExecutor executor(1);
  const auto good = executor.submit(square, 3);
  const auto dead = executor.submit([] { ::raise(SIGKILL); });
  EXPECT_TRUE(wait(std::vector<AnyFuture>{good, dead}).not_done.empty());

  end(executor);

  EXPECT_EQ(good.result(), 9);
  EXPECT_THROW(dead.result(), WorkerDied);
}

TEST_P(EndWorkersTest, ARetryIsNotMade) {
  ProcessPoolExecutor executor(1, {.retry = Retry{.attempts = 100}});
  const Event begun;
  const auto running = executor.submit(defy_signals, begun);
  begun.wait();

  end(executor);

  executor.shutdown();
  EXPECT_THROW(running.result(20s), BrokenProcessPool);
}

TEST_P(EndWorkersTest, NoWorkerIsLeft) {
  ProcessPoolExecutor executor(3);
  std::array<Event, 3> begun;
  for (const Event& event : begun) (void)executor.submit(defy_signals, event);
  for (const Event& event : begun) event.wait();

  end(executor);
  executor.shutdown();

  EXPECT_TRUE(active_children().empty());
}

TEST_P(EndWorkersTest, AMapSaysWhatBecameOfEachItem) {
  ProcessPoolExecutor executor(1);
  const Event begun;
  auto results = executor.map(partial([](const Event& event, int) { defy_signals(event); }, begun),
                              range(3), MapOptions{.buffersize = 3});
  begun.wait();

  end(executor);

  EXPECT_THROW((void)results.next(), BrokenProcessPool);
  EXPECT_THROW((void)results.next(), CancelledError);
  EXPECT_THROW((void)results.next(), CancelledError);
  EXPECT_EQ(results.next(), std::nullopt);
}

TEST_P(EndWorkersTest, ABrokenExecutorStaysBroken) {
  ProcessPoolExecutor executor(1, {.initializer = +[] { throw ValueError("no licence"); }});
  const auto future = executor.submit(square, 1);
  EXPECT_THROW((void)future.result(), BrokenProcessPool);

  end(executor);

  EXPECT_NE(describe(future.exception()).find("no licence"), std::string::npos);
  EXPECT_THROW((void)executor.submit(square, 1), BrokenProcessPool);
}

TEST(TerminateWorkersTest, ATaskThatStopsWhenAskedMayStillGiveItsResult) {
  ProcessPoolExecutor executor(1);
  const Event begun;
  const auto running = executor.submit(stop_when_asked, begun);
  begun.wait();

  executor.terminate_workers();
  executor.shutdown();

  try {
    running.result();  // it was there before SIGTERM was
  } catch (const BrokenProcessPool&) {
  }
  EXPECT_TRUE(running.done());
}

}  // namespace
}  // namespace multiprocessing
