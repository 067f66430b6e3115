// What executors of every kind have in common: map, shutdown, retries, limits.

#include <multiprocessing/futures.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <multiprocessing/sharedctypes.hpp>

#include "support/until.hpp"

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
  const auto patient = [] { test::until(stop_requested); };

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

TEST(ExecutorOptionsTest, BadInputIsNamed) {
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
