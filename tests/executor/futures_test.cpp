// Futures, and waits over them, whoever computes them.

#include <multiprocessing/futures.hpp>

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <latch>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <system_error>
#include <unordered_map>
#include <vector>

#include <gtest/gtest.h>

#include <multiprocessing/synchronize.hpp>

#include "executor/each_executor.hpp"
#include "support/child.hpp"
#include "support/until.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;

int square(int x) {
  return x * x;
}
int fail(int) {
  throw ValueError("bad input");
}
int hold(const Event& event, int x) {
  event.wait();
  return x;
}

// Each case runs on processes, on threads, and, where nothing has to wait, in the caller.
class FuturesTest : public testing::TestWithParam<bool> {
 protected:
  static std::unique_ptr<Executor> make(int workers = 2) {
    return test::make_executor(GetParam(), workers);
  }
};

TEST_P(FuturesTest, SubmitReturnsAFutureOfTheResult) {
  const auto executor = make();

  const Future<int> future = executor->submit(square, 7);

  EXPECT_EQ(future.result(), 49);
  EXPECT_EQ(future.result(), 49);
  EXPECT_TRUE(future.done());
  EXPECT_FALSE(future.running());
  EXPECT_FALSE(future.cancelled());
  EXPECT_FALSE(future.cancel());
  EXPECT_EQ(future.exception(), nullptr);
}

TEST_P(FuturesTest, AnExceptionIsThrownByResultAndReturnedByException) {
  const auto executor = make();

  const auto future = executor->submit(fail, 1);

  EXPECT_THROW((void)future.result(), ValueError);
  EXPECT_EQ(describe(future.exception()), "ValueError: bad input");
}

TEST_P(FuturesTest, WhatHasNotBegunCanBeCancelled) {
  const auto executor = make(1);
  const Event go;
  const auto first = executor->submit(hold, go, 1);
  test::until([&] { return first.running(); });
  const auto second = executor->submit(square, 2);

  EXPECT_FALSE(first.cancel());
  EXPECT_TRUE(second.cancel());
  EXPECT_TRUE(second.cancel());

  EXPECT_TRUE(second.cancelled());
  EXPECT_TRUE(second.done());
  EXPECT_THROW((void)second.result(), CancelledError);
  EXPECT_THROW((void)second.exception(), CancelledError);
  go.set();
  EXPECT_EQ(first.result(), 1);
  EXPECT_EQ(executor->submit(square, 3).result(), 9);
}

TEST_P(FuturesTest, ResultTimesOut) {
  const auto executor = make();
  const Event go;
  const auto future = executor->submit(hold, go, 1);

  EXPECT_THROW((void)future.result(20ms), TimeoutError);
  EXPECT_THROW((void)future.result(0s), TimeoutError);

  go.set();
  EXPECT_EQ(future.result(10s), 1);
}

TEST_P(FuturesTest, CallbacksComeInTheirOrderAlsoIfNobodyWaits) {
  const auto executor = make();
  const Event go;
  std::vector<int> order;
  std::latch called(2);
  const auto future = executor->submit(hold, go, 5);

  future.add_done_callback([&](Future<int> done) {
    order.push_back(done.result());
    called.count_down();
  });
  future.add_done_callback([] { throw std::runtime_error("is printed and ignored"); });
  future.add_done_callback([&] {
    order.push_back(6);
    called.count_down();
  });
  go.set();

  called.wait();
  EXPECT_EQ(order, (std::vector<int>{5, 6}));
  future.add_done_callback([&] { order.push_back(7); });
  EXPECT_EQ(order.back(), 7) << "at once, if it is done";
}

TEST_P(FuturesTest, ACancelledFutureCallsItsCallbacks) {
  const auto executor = make(1);
  const Event go;
  const auto first = executor->submit(hold, go, 1);
  const auto second = executor->submit(square, 2);
  std::atomic<bool> called{false};
  second.add_done_callback([&](const Future<int>& future) {
    called = future.cancelled();
    called.notify_one();
  });

  test::until([&] { return second.cancel() || second.done(); });

  called.wait(false);
  go.set();
  (void)first.result();
}

TEST_P(FuturesTest, WaitSortsIntoDoneAndNotDone) {
  const auto executor = make();
  const Event go;
  const auto quick = executor->submit(square, 3);
  const auto slow = executor->submit(hold, go, 4);

  const auto [done, not_done] = wait({quick, slow, quick}, {}, FIRST_COMPLETED);
  EXPECT_EQ(done, (std::unordered_set{quick}));
  EXPECT_EQ(not_done, (std::unordered_set{slow}));
  EXPECT_EQ(wait({quick, slow}, 20ms).not_done.size(), 1U);

  go.set();
  const DoneAndNotDone<int> both = wait({quick, slow});
  EXPECT_EQ(both.done.size(), 2U);
  const DoneAndNotDone<AnyFuture> any = wait(std::vector<AnyFuture>{quick, slow});
  EXPECT_EQ(any.done.size(), 2U);
}

TEST_P(FuturesTest, WaitForTheFirstExceptionDoesNotStopAtResults) {
  const auto executor = make();
  const Event go;
  const auto good = executor->submit(square, 3);
  const auto slow = executor->submit(hold, go, 4);
  const auto bad = executor->submit(fail, 1);

  const auto result = wait({good, slow, bad}, {}, FIRST_EXCEPTION);

  EXPECT_TRUE(result.done.contains(bad));
  EXPECT_TRUE(result.not_done.contains(slow));
  go.set();
  EXPECT_TRUE(wait({good, slow}, {}, FIRST_EXCEPTION).not_done.empty());
}

TEST_P(FuturesTest, AsCompletedYieldsEachOnceTheDoneOnesFirst) {
  const auto executor = make();
  const Event go;
  const auto slow = executor->submit(hold, go, 1);
  const auto quick = executor->submit(square, 2);
  std::vector<int> order;

  for (auto future : as_completed(std::vector{slow, quick, slow})) {
    order.push_back(future.result());
    go.set();
  }

  EXPECT_EQ(order, (std::vector<int>{4, 1}));
}

TEST_P(FuturesTest, AsCompletedOfAMapYieldsItsElements) {
  const auto executor = make();
  std::unordered_map<Future<int>, std::string> names;
  std::map<Future<int>, int> numbers;
  for (int i = 0; i < 20; ++i) {
    const auto future = executor->submit(square, i);
    names.emplace(future, std::to_string(i * i));
    numbers.emplace(future, i * i);
  }
  int count = 0;

  for (auto& [future, name] : as_completed(names)) {
    EXPECT_EQ(std::to_string(future.result()), name);
    ++count;
  }
  for (auto& [future, number] : as_completed(numbers)) EXPECT_EQ(future.result(), number);

  EXPECT_EQ(count, 20);
}

TEST_P(FuturesTest, AsCompletedTimesOutAndSaysHowManyAreOpen) {
  const auto executor = make();
  const Event go;
  const auto slow = executor->submit(hold, go, 1);
  try {
    for (const auto& future : as_completed(std::vector{executor->submit(square, 1), slow}, 50ms)) {
      EXPECT_NE(future, slow);
    }
    FAIL() << "it has to time out";
  } catch (const TimeoutError& error) {
    EXPECT_STREQ(error.what(), "1 (of 2) futures unfinished");
  }
  go.set();
}

INSTANTIATE_TEST_SUITE_P(Executors, FuturesTest, testing::Bool(),
                         [](const auto& which) { return which.param ? "Processes" : "Threads"; });

// Threads that want more memory for their stacks than there are addresses.
class NoThreads {
 public:
  NoThreads() {
    pthread_attr_t greedy;
    ::pthread_getattr_default_np(&usual_);
    ::pthread_attr_init(&greedy);
    ::pthread_attr_setstacksize(&greedy, std::size_t{1} << 47U);
    test::require(::pthread_setattr_default_np(&greedy) == 0);
    ::pthread_attr_destroy(&greedy);
  }
  NoThreads(const NoThreads&) = delete;
  NoThreads& operator=(const NoThreads&) = delete;
  ~NoThreads() {
    ::pthread_setattr_default_np(&usual_);
    ::pthread_attr_destroy(&usual_);
  }

 private:
  pthread_attr_t usual_{};
};

TEST(FutureCallbackTest, ACallbackThatNoThreadCanCallIsRefusedAndNotKept) {
  const auto ended = test::in_a_program([] {
    int called = 0;
    ProcessPoolExecutor executor(1);
    const Event go;
    const auto future = executor.submit(hold, go, 1);
    {
      const NoThreads none;
      try {
        future.add_done_callback([&called] { called += 1; });
        test::require(false);
      } catch (const std::system_error&) {
      }
    }

    future.add_done_callback([&called] { called += 10; });

    go.set();
    executor.shutdown();
    test::require(called == 10);
  });
  EXPECT_EQ(ended, test::exited(0));
}

TEST(FutureMixTest, OneWaitTakesFuturesOfSeveralExecutorsAndTypes) {
  ProcessPoolExecutor processes(1);
  ThreadPoolExecutor threads(1);
  SerialExecutor serial;
  const auto number = processes.submit(square, 4);
  const auto text = threads.submit([captured = std::string("te")] { return captured + "xt"; });
  const auto nothing = serial.submit([] {});

  const auto sorted = wait(std::vector<AnyFuture>{number, text, nothing});

  EXPECT_EQ(sorted.done.size(), 3U);
  EXPECT_EQ(AnyFuture(number).as<int>(), number);
  EXPECT_THROW((void)AnyFuture(number).as<long>(), ValueError);
  EXPECT_EQ(text.result(), "text");
  nothing.result();
}

struct Coroutine {
  struct promise_type {
    Coroutine get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

Coroutine add(Future<int> a, Future<int> b, std::atomic<int>& sum) {
  sum = co_await a + co_await b;
  sum.notify_one();
}

TEST(FutureMixTest, ACoroutineAwaitsFutures) {
  ProcessPoolExecutor processes(1);
  ThreadPoolExecutor threads(1);
  std::atomic<int> sum{0};

  add(processes.submit(square, 3), threads.submit(square, 4), sum);

  sum.wait(0);
  EXPECT_EQ(sum, 25);
}

}  // namespace
}  // namespace multiprocessing
