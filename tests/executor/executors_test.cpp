// Executors: map, shutdown, retries, limits, what breaks them.

#include <multiprocessing/futures.hpp>

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <latch>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <multiprocessing/process.hpp>
#include <multiprocessing/sharedctypes.hpp>
#include <multiprocessing/synchronize.hpp>

#include "sys/process.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;

int square(int x) {
  return x * x;
}
int three_is_bad(int x) {
  if (x == 3) throw ValueError("three");
  return x;
}
void defy_signals() {
  ::signal(SIGTERM, SIG_IGN);
  for (std::atomic<bool> on{true}; on;) {
  }
}

enum class Kind { processes, threads, serial };

class ExecutorTest : public testing::TestWithParam<Kind> {
 protected:
  static std::unique_ptr<Executor> make() {
    switch (GetParam()) {
      case Kind::processes:
        return std::make_unique<ProcessPoolExecutor>(2);
      case Kind::threads:
        return std::make_unique<ThreadPoolExecutor>(2);
      default:
        return std::make_unique<SerialExecutor>();
    }
  }
};

TEST_P(ExecutorTest, MapYieldsTheResultsInOrder) {
  const auto executor = make();
  for (const std::int64_t chunk : {1, 3, 100}) {
    int expected = 0;
    for (const int x : executor->map(square, range(20), MapOptions{.chunksize = chunk})) {
      EXPECT_EQ(x, expected * expected);
      ++expected;
    }
    EXPECT_EQ(expected, 20);
  }
}

TEST_P(ExecutorTest, MapTakesSeveralRangesUpToTheEndOfTheShortest) {
  const auto executor = make();
  const std::vector<std::string> words{"a", "b", "c"};
  std::vector<std::string> found;

  for (const auto& text :
       executor->map([](const std::string& word, int n) { return word + std::to_string(n); }, words,
                     range(9))) {
    found.push_back(text);
  }

  EXPECT_EQ(found, (std::vector<std::string>{"a0", "b1", "c2"}));
}

TEST_P(ExecutorTest, AnExceptionStandsInItsItemsPlaceInMap) {
  const auto executor = make();

  auto results = executor->map(three_is_bad, range(5));

  for (int i = 0; i < 5; ++i) {
    if (i == 3) {
      EXPECT_THROW((void)results.next(), ValueError);
    } else {
      EXPECT_EQ(results.next(), i);
    }
  }
  EXPECT_EQ(results.next(), std::nullopt);
}

TEST_P(ExecutorTest, AnInfiniteInputIsReadNoFurtherThanTheBuffer) {
  const auto executor = make();
  int read = 0;
  auto results = executor->map(square, generate([&] { return std::optional(read++); }),
                               MapOptions{.buffersize = 5});

  for (int i = 0; i < 10; ++i) EXPECT_EQ(results.next(), i * i);

  EXPECT_LE(read, 10 + 5);
}

TEST_P(ExecutorTest, NothingIsTakenAfterShutdown) {
  const auto executor = make();
  const auto before = executor->submit(square, 3);

  executor->shutdown();
  executor->shutdown();

  EXPECT_TRUE(before.done());
  EXPECT_EQ(before.result(), 9);
  EXPECT_THROW((void)executor->submit(square, 1), ValueError);
  EXPECT_THROW((void)executor->map(square, range(3)), ValueError);
}

TEST_P(ExecutorTest, ARetryRunsATaskAgainThatThrew) {
  const auto executor = make();
  const Value<int> tries(0);
  const auto third_time = [](const Value<int>& count, int x) {
    if (count.fetch_add(1) < 2) throw ValueError("not yet");
    return x;
  };

  const auto future =
      executor->submit({.retry = retry_on<ValueError>({.attempts = 3, .delay = 1ms, .backoff = 2})},
                       third_time, tries, 5);
  EXPECT_EQ(future.result(), 5);
  EXPECT_EQ(tries.get(), 3);

  tries.set(0);
  EXPECT_THROW(
      (void)executor->submit({.retry = retry_on<KeyError>()}, third_time, tries, 5).result(),
      ValueError);
  tries.set(0);
  EXPECT_THROW(
      (void)executor->submit({.retry = retry_on<ValueError>({.attempts = 2})}, third_time, tries, 5)
          .result(),
      ValueError);
}

TEST_P(ExecutorTest, ATaskThatOverrunsItsOwnLimitIsATaskTimeout) {
  const auto executor = make();
  const auto patient = [] {
    while (!stop_requested()) std::this_thread::sleep_for(1ms);
  };

  const auto late = executor->submit({.timeout = 50ms, .name = "the patient one"}, patient);

  EXPECT_THROW(late.result(), TaskTimeout);
  EXPECT_EQ(executor->submit(square, 5).result(), 25);
}

TEST_P(ExecutorTest, ARetryThatMakesNoSenseIsAValueError) {
  const auto executor = make();

  EXPECT_THROW((void)executor->submit({.retry = Retry{.attempts = 0}}, square, 1), ValueError);
  EXPECT_THROW((void)executor->submit({.retry = Retry{.backoff = -1}}, square, 1), ValueError);
}

std::string name_of(const testing::TestParamInfo<Kind>& which) {
  if (which.param == Kind::processes) return "Processes";
  return which.param == Kind::threads ? "Threads" : "Serial";
}
INSTANTIATE_TEST_SUITE_P(Kinds, ExecutorTest,
                         testing::Values(Kind::processes, Kind::threads, Kind::serial), name_of);

TEST(ThreadPoolExecutorTest, ItTakesAnyCallableAndAnyValue) {
  ThreadPoolExecutor executor(2);
  int touched = 0;
  const auto future = executor.submit([&touched] { return &touched; });

  *future.result() = 5;

  EXPECT_EQ(touched, 5);
  auto owned = std::make_unique<int>(7);
  EXPECT_EQ(*executor.submit([](std::unique_ptr<int> p) { return p; }, std::move(owned)).result(),
            7);
}

TEST(ThreadPoolExecutorTest, ThreadsAreMadeAsTheyAreWantedAndReused) {
  ThreadPoolExecutor executor(8);
  const auto count = [] { return worker_index(); };

  for (int i = 0; i < 50; ++i) EXPECT_LT(executor.submit(count).result(), 8);

  EXPECT_EQ(executor.submit([] { return worker_count(); }).result(), 8);
}

TEST(ThreadPoolExecutorTest, TasksThatWaitForEachOtherBothRunOnTwoThreads) {
  ThreadPoolExecutor executor(2);
  for (int round = 0; round < 500; ++round) {
    std::latch both(2);
    const auto meet = [&both] { both.arrive_and_wait(); };
    const auto one = executor.submit(meet);
    const auto other = executor.submit(meet);
    one.result(20s);  // a thread that sleeps, searches or has not been made is woken for each
    other.result(20s);
    if (round % 10 == 0) std::this_thread::sleep_for(1ms);  // lets both fall asleep now and then
  }
}

TEST(ThreadPoolExecutorTest, AFailingInitializerBreaksItWithItsText) {
  ThreadPoolExecutor executor(2, {.initializer = [] { throw ValueError("no licence"); }});

  try {
    (void)executor.submit(square, 1).result();
    FAIL() << "no thread can do it";
  } catch (const BrokenThreadPool& error) {
    EXPECT_NE(std::string(error.what()).find("ValueError: no licence"), std::string::npos);
  }
  EXPECT_THROW((void)executor.submit(square, 1), BrokenThreadPool);
}

TEST(ThreadPoolExecutorTest, TheDestructorWaitsForAll) {
  std::atomic<int> done{0};
  {
    ThreadPoolExecutor executor(2);
    for (int i = 0; i < 100; ++i) {
      (void)executor.submit([&done] {
        std::this_thread::sleep_for(100us);  // so that some are left for the destructor
        ++done;
      });
    }
  }
  EXPECT_EQ(done, 100);
}

TEST(ThreadPoolExecutorTest, WhileAnExceptionUnwindsTheDestructorCancelsWhatHasNotBegun) {
  std::atomic<int> done{0};
  EXPECT_THROW(
      {
        ThreadPoolExecutor executor(1);
        for (int i = 0; i < 10'000; ++i) {
          (void)executor.submit([&done] {
            std::this_thread::sleep_for(1ms);  // the work: most of it has not begun
            ++done;
          });
        }
        throw std::runtime_error("unwinds");
      },
      std::runtime_error);
  EXPECT_LT(done, 10'000);
}

TEST(ThreadPoolExecutorTest, ShutdownMayCancelWhatHasNotBegun) {
  ThreadPoolExecutor executor(1);
  std::atomic<bool> go{false};
  const auto first = executor.submit([&go] {
    while (!go) std::this_thread::sleep_for(1ms);
  });
  const auto second = executor.submit(square, 2);
  while (!first.running()) std::this_thread::sleep_for(1ms);

  executor.shutdown(false, true);

  EXPECT_TRUE(second.cancelled());
  go = true;
  first.result();
}

TEST(ThreadPoolExecutorTest, PrioritiesAreBegunFirst) {
  ThreadPoolExecutor executor(1);
  std::atomic<bool> go{false};
  std::vector<int> order;
  const auto first = executor.submit([&go] {
    while (!go) std::this_thread::sleep_for(1ms);
  });
  while (!first.running()) std::this_thread::sleep_for(1ms);
  const auto note = [&order](int x) { order.push_back(x); };
  const std::vector<Future<void>> futures{executor.submit({.priority = -1}, note, 3),
                                          executor.submit(note, 2),
                                          executor.submit({.priority = 7}, note, 1)};

  go = true;
  (void)wait(futures);

  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

TEST(ThreadPoolExecutorTest, SubmitBlocksWhileAsManyAsMaxPendingAreOut) {
  std::atomic<int> most{0};
  std::atomic<int> out{0};
  ThreadPoolExecutor executor(1, {.max_pending = 2});
  for (int i = 0; i < 50; ++i) {
    (void)executor.submit([&] { --out; });
    most = std::max(most.load(), ++out);
  }
  EXPECT_LE(most, 3);
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
  while (!running.running()) std::this_thread::sleep_for(1ms);

  EXPECT_FALSE(running.cancel());
  EXPECT_TRUE(running.cancel(true));

  EXPECT_TRUE(running.cancelled());
  EXPECT_THROW(running.result(), CancelledError);
  EXPECT_EQ(executor.submit(square, 4).result(20s), 16) << "by the next worker";
}

TEST(ProcessPoolExecutorTest, ATaskThatStopsWhenItIsCancelledKeepsItsWorker) {
  ProcessPoolExecutor executor(1);
  const int before = executor.submit([] { return ::getpid(); }).result();
  const auto running = executor.submit([] {
    while (!stop_requested()) std::this_thread::sleep_for(1ms);
  });
  while (!running.running()) std::this_thread::sleep_for(1ms);

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

TEST(ProcessPoolExecutorTest, WorkersCanBeTerminatedAndKilled) {
  for (const bool kill : {false, true}) {
    ProcessPoolExecutor executor(2);
    const auto running = executor.submit(defy_signals);
    const auto waiting = executor.submit(defy_signals);
    kill ? executor.kill_workers() : executor.terminate_workers();
    EXPECT_THROW(running.result(20s), CancelledError);
    EXPECT_TRUE(waiting.done());
    EXPECT_THROW((void)executor.submit(square, 1), ValueError);
  }
}

TEST(ProcessPoolExecutorTest, WhatCannotBeSentIsATransferErrorThroughTheBase) {
  ProcessPoolExecutor executor(1);
  Executor& base = executor;
  int local = 3;

  EXPECT_THROW((void)base.submit([&local] { return local; }), TransferError);
  EXPECT_EQ(base.submit(partial(square, 3)).result(), 9);
}

TEST(ProcessPoolExecutorTest, BadInputIsNamed) {
  EXPECT_THROW(ProcessPoolExecutor(0), ValueError);
  EXPECT_THROW(ProcessPoolExecutor(-2), ValueError);
  EXPECT_THROW(ThreadPoolExecutor(0), ValueError);
  EXPECT_THROW(ProcessPoolExecutor(1, {.max_tasks_per_child = -1}), ValueError);
  SerialExecutor executor;
  EXPECT_THROW((void)executor.map(square, range(3), MapOptions{.chunksize = 0}), ValueError);
  EXPECT_THROW((void)executor.map(square, range(3), MapOptions{.buffersize = 0}), ValueError);
}

}  // namespace
}  // namespace multiprocessing
