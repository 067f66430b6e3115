// Futures and AsyncResults that travel: into queues and pipes, to children of every kind, to tasks,
// and home again.

#include <multiprocessing/multiprocessing.hpp>

#include <sys/wait.h>

#include <chrono>
#include <csignal>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <gtest/gtest.h>

#include "executor/each_executor.hpp"
#include "support/child.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;

static_assert(is_transferable_v<Future<int>> && is_transferable_v<Future<void>> &&
              is_transferable_v<AsyncResult<std::vector<int>>> && is_transferable_v<AnyFuture>);
struct NotSendable {
  int* pointer;
};
static_assert(!is_transferable_v<Future<NotSendable>>);

int square(int x) {
  return x * x;
}
int hold(const Event& go, int x) {
  go.wait();
  return x;
}
int fail(int) {
  throw ValueError("bad input");
}
std::string repeat(int n) {
  return std::string(static_cast<std::size_t>(n), 'x');
}
void note(const Value<int>& seen, int x) {
  seen.set(x);
}
int result_of(const Future<int>& future) {
  return future.result(20s);
}
int value_of(const AsyncResult<int>& result) {
  return result.get(20s);
}

// What a child finds: 0 if the future's result is `wanted`.
int compare(const Future<int>& future, int wanted) {
  return future.result(20s) == wanted ? 0 : 1;
}
int expect_broken(const Future<int>& future, const std::string& pid) {
  try {
    (void)future.result(20s);
  } catch (const BrokenExecutor& error) {
    return std::string(error.what()).find(pid) == std::string::npos ? 2 : 0;
  }
  return 1;
}

class TravellingTest : public testing::TestWithParam<bool> {
 protected:
  static std::unique_ptr<Executor> make(int workers = 2) {
    return test::make_executor(GetParam(), workers);
  }
};
INSTANTIATE_TEST_SUITE_P(Executors, TravellingTest, testing::Values(true, false),
                         test::executor_name);

TEST_P(TravellingTest, AFutureThatComesHomeIsTheOriginal) {
  const auto executor = make();
  const Queue<Future<int>> queue;
  const Future<int> future = executor->submit(square, 7);

  queue.put(future);
  const Future<int> back = queue.get();

  EXPECT_EQ(back, future);
  EXPECT_EQ(std::hash<Future<int>>{}(back), std::hash<Future<int>>{}(future));
  EXPECT_EQ(back.result(), 49);
}

TEST_P(TravellingTest, OneThatIsSentBeforeItIsDoneCompletesInTheReceiver) {
  const auto executor = make(1);
  const Event go;
  const Queue<Future<int>> queue;
  const Queue<int> answers;
  Process child([=] {
    const Future<int> future = queue.get();
    const Future<int> again = queue.get();
    answers.put(future == again && !future.done() ? 1 : 0);
    answers.put(future.result());
  });
  child.start();

  const Future<int> future = executor->submit(hold, go, 5);
  queue.put(future);
  queue.put(future);
  EXPECT_EQ(answers.get(), 1);
  go.set();

  EXPECT_EQ(answers.get(), 5);
  EXPECT_EQ(future.result(), 5);
}

TEST_P(TravellingTest, WhatTheTaskHasThrownArrivesAsItsOwnType) {
  const auto executor = make();
  const Queue<Future<int>> queue;
  Process child([=] {
    const Future<int> future = queue.get();
    const bool told = describe(future.exception()) == "ValueError: bad input";
    throw SystemExit{told ? 0 : 1};
  });
  child.start();

  queue.put(executor->submit(fail, 1));

  EXPECT_TRUE(child.join(20s));
  EXPECT_EQ(child.exitcode(), 0);
}

TEST_P(TravellingTest, TheReceiverKeepsAResultThatTheSenderHasDropped) {
  const auto executor = make();
  const Queue<Future<std::string>> queue;
  for (int i = 0; i < 100; ++i) queue.put(executor->submit(repeat, 100 * i));
  for (int i = 0; i < 200; ++i) (void)executor->submit(square, i).result();

  Process child([=] {
    for (int i = 0; i < 100; ++i) {
      if (queue.get().result().size() != static_cast<std::size_t>(100 * i)) throw SystemExit{1};
    }
  });
  child.start();

  EXPECT_TRUE(child.join(20s));
  EXPECT_EQ(child.exitcode(), 0);
}

TEST_P(TravellingTest, AForkedChildHasTheFuturesItsParentHad) {
  const auto executor = make(1);
  const Event go;
  const Future<int> done = executor->submit(square, 3);
  (void)done.exception();
  const Future<int> running = executor->submit(hold, go, 5);
  const Future<int> queued = executor->submit(square, 7);
  Process child([=] {
    const bool right =
        done.result(20s) == 9 && running.result(20s) == 5 && queued.result(20s) == 49;
    throw SystemExit{right ? 0 : 1};
  });
  child.start();

  go.set();
  EXPECT_EQ(running.result(), 5);
  EXPECT_EQ(queued.result(), 49);

  EXPECT_TRUE(child.join(20s));
  EXPECT_EQ(child.exitcode(), 0);
}

TEST_P(TravellingTest, AForkedChildHasWhatItsParentDropsMeanwhile) {
  const auto executor = make(1);
  const Event go;
  const Event dropped;
  {
    const Future<int> future = executor->submit(hold, go, 5);
    Process child([=] {
      dropped.wait();
      throw SystemExit{compare(future, 5)};
    });
    child.start();
  }
  go.set();
  for (int i = 0; i < 300; ++i) (void)executor->submit(square, i).result();
  dropped.set();

  const auto children = active_children();
  for (const ChildProcess& child : children) {
    if (child.name().find("Process-") == std::string::npos) continue;
    EXPECT_TRUE(child.join(20s));
    EXPECT_EQ(child.exitcode(), 0);
  }
}

TEST_P(TravellingTest, TheReceiverCancelsWhatHasNotBegun) {
  const auto executor = make(1);
  const Event go;
  const Future<int> running = executor->submit(hold, go, 5);
  const Future<int> queued = executor->submit(square, 7);
  while (!running.running()) std::this_thread::sleep_for(1ms);
  const Queue<Future<int>> queue;
  Process child([=] {
    const Future<int> first = queue.get();
    const Future<int> second = queue.get();
    const bool right = first.running() && !first.cancel() && second.cancel() && second.cancelled();
    throw SystemExit{right ? 0 : 1};
  });
  child.start();

  queue.put(running);
  queue.put(queued);
  EXPECT_TRUE(child.join(20s));
  EXPECT_EQ(child.exitcode(), 0);

  EXPECT_TRUE(queued.cancelled());
  EXPECT_THROW((void)queued.result(), CancelledError);
  go.set();
  EXPECT_EQ(running.result(), 5);
}

TEST_P(TravellingTest, TheReceiverWaitsForManyAndIsCalledBack) {
  const auto executor = make(2);
  const Event go;
  const Queue<std::vector<Future<int>>> queue;
  Process child([=] {
    const std::vector<Future<int>> futures = queue.get();
    const Event called;
    futures[0].add_done_callback([called](const Future<int>&) { called.set(); });
    if (wait(futures, Timeout::zero()).not_done.size() != 2) throw SystemExit{1};
    go.set();
    int sum = 0;
    for (const Future<int>& future : as_completed(futures, 20s)) sum += future.result();
    if (sum != 11) throw SystemExit{2};
    if (!called.wait(20s)) throw SystemExit{3};
    throw SystemExit{wait(futures, 20s).done.size() == 2 ? 0 : 4};
  });
  child.start();

  queue.put({executor->submit(hold, go, 5), executor->submit(hold, go, 6)});

  EXPECT_TRUE(child.join(20s));
  EXPECT_EQ(child.exitcode(), 0);
}

TEST_P(TravellingTest, FuturesOfNothingAndOfAnythingTravel) {
  const auto executor = make();
  const Value<int> seen(0);
  const auto [left, right] = Pipe();
  Process child([end = right] {
    const auto nothing = end.recv<Future<void>>();
    nothing.result();
    const auto any = end.recv<AnyFuture>();
    end.send(any.as<int>());
    throw SystemExit{any.exception() == nullptr && any.as<int>().result() == 49 ? 0 : 1};
  });
  child.start();

  const Future<int> number = executor->submit(square, 7);
  left.send(executor->submit(note, seen, 3));
  left.send(AnyFuture(number));

  EXPECT_EQ(left.recv<Future<int>>(), number);
  EXPECT_TRUE(child.join(20s));
  EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(seen.get(), 3);
  left.send(Future<int>());
}

TEST_P(TravellingTest, AResultThatCannotBeCopiedArrivesOnceInEachProcess) {
  const auto executor = make();
  const Queue<Future<std::unique_ptr<int>>> queue;
  const auto future = executor->submit([](int x) { return std::make_unique<int>(x); }, 7);
  queue.put(future);
  Process child([=] {
    const auto mine = queue.get();
    if (*mine.result(20s) != 7) throw SystemExit{1};
    try {
      (void)mine.result();
    } catch (const ValueError&) {
      throw SystemExit{0};
    }
    throw SystemExit{2};
  });
  child.start();

  EXPECT_EQ(*future.result(), 7);
  EXPECT_THROW((void)future.result(), ValueError);
  EXPECT_TRUE(child.join(20s));
  EXPECT_EQ(child.exitcode(), 0);
}

TEST_P(TravellingTest, WhoeverWasToCompleteItDiesAndTheReceiverIsTold) {
  const Queue<Future<int>> queue;
  const Event never;
  const bool processes = GetParam();
  Process owner({.daemon = false}, [=] {
    const auto executor = test::make_executor(processes, 1);
    const Future<int> future = executor->submit(hold, never, 1);
    queue.put(future);
    (void)future.result();
  });
  owner.start();
  const Future<int> future = queue.get();
  EXPECT_FALSE(future.done());
  const std::string pid = std::to_string(owner.pid().value());

  owner.kill();

  EXPECT_EQ(expect_broken(future, pid), 0);
  EXPECT_TRUE(future.done());
  EXPECT_FALSE(future.cancelled());
}

TEST_P(TravellingTest, AResultOutlivesTheProcessThatWasGivenIt) {
  const Queue<Future<std::string>> queue;
  const bool processes = GetParam();
  Process owner({.daemon = false}, [=] {
    const auto executor = test::make_executor(processes, 1);
    const Future<std::string> future = executor->submit(repeat, 5000);
    queue.put(future);
    (void)future.result();
  });
  owner.start();
  EXPECT_TRUE(owner.join(20s));

  EXPECT_EQ(queue.get().result(20s).size(), 5000U);
}

TEST(TravellingPoolTest, ResultsOfPoolsTravelIntoTasksOfOthers) {
  Pool first(2);
  Pool second(2);
  ProcessPoolExecutor executor(1);

  const AsyncResult<int> one = first.apply_async(square, 7);
  const AsyncResult<int> passed = second.apply_async(value_of, one);
  const Future<int> last = executor.submit(result_of, executor.submit(square, 3));

  EXPECT_EQ(passed.get(), 49);
  EXPECT_EQ(last.result(), 9);
}

TEST(TravellingPoolTest, TheResultOfAMapIsReadWhereItLies) {
  Pool pool(2);
  const Event go;
  const AsyncResult<std::vector<int>> mapped = pool.map_async(square, range(1000));
  const AsyncResult<std::vector<std::string>> texts = pool.map_async(repeat, range(50));
  const Queue<AsyncResult<std::vector<int>>> queue;
  const Queue<AsyncResult<std::vector<std::string>>> text_queue;
  queue.put(mapped);
  text_queue.put(texts);
  Process child([=] {
    const auto squares = queue.get().get(20s);
    const auto strings = text_queue.get().get(20s);
    throw SystemExit{squares.at(999) == 999 * 999 && strings.at(49).size() == 49 ? 0 : 1};
  });
  child.start();

  EXPECT_EQ(mapped.get().size(), 1000U);
  EXPECT_TRUE(child.join(20s));
  EXPECT_EQ(child.exitcode(), 0);
}

TEST(TravellingPoolTest, AsyncResultsAreKeysOfSets) {
  Pool pool(1);
  std::unordered_set<AsyncResult<int>> results;
  const auto one = pool.apply_async(square, 1);

  results.insert(one);
  results.insert(pool.apply_async(square, 2));
  results.insert(one);

  EXPECT_EQ(results.size(), 2U);
}

TEST(TravellingPoolTest, ARunningTaskIsStoppedByTheReceiver) {
  ProcessPoolExecutor executor(1);
  const Event begun;
  const Event never;
  const Future<int> future = executor.submit(
      [](const Event& told, const Event& go) {
        told.set();
        go.wait();
        return 1;
      },
      begun, never);
  begun.wait();
  const Queue<Future<int>> queue;
  Process child([=] { throw SystemExit{queue.get().cancel(true) ? 0 : 1}; });
  child.start();

  queue.put(future);

  EXPECT_THROW((void)future.result(20s), CancelledError);
  EXPECT_EQ(executor.submit(square, 4).result(20s), 16);
  EXPECT_TRUE(child.join(20s));
  EXPECT_EQ(child.exitcode(), 0);
}

TEST(TravellingPoolTest, FuturesLieInContainers) {
  ProcessPoolExecutor executor(1);
  Manager manager;
  const auto dict = manager.dict<std::string, Future<int>>();
  const auto list = manager.list<Future<int>>();
  const Future<int> future = executor.submit(square, 7);

  dict.set("seven", future);
  list.append(future);

  EXPECT_EQ(dict.at("seven"), future);
  EXPECT_EQ(Future<int>(list[0]).result(), 49);
}

}  // namespace
}  // namespace multiprocessing
