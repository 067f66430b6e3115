// The forms in which an executor's map may be called.

#include <multiprocessing/futures.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "pool/tasks.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using test::shout;
using test::square;

template <class E>
class ExecutorMapTest : public testing::Test {
 protected:
  static E make() {
    if constexpr (std::is_constructible_v<E, int>) {
      return E(2);
    } else {
      return E();
    }
  }
  E executor_ = make();
};
using Executors = testing::Types<ProcessPoolExecutor, ThreadPoolExecutor, SerialExecutor>;

struct ExecutorNames {
  template <class E>
  static std::string GetName(int /*index*/) {  // NOLINT(readability-identifier-naming)
    if (std::is_same_v<E, ProcessPoolExecutor>) return "Processes";
    return std::is_same_v<E, ThreadPoolExecutor> ? "Threads" : "Serial";
  }
};
TYPED_TEST_SUITE(ExecutorMapTest, Executors, ExecutorNames);

template <class Stream>
auto collected(Stream&& stream) {
  std::vector<typename std::decay_t<Stream>::value_type> all;
  for (const auto& item : stream) all.push_back(item);
  return all;
}

TYPED_TEST(ExecutorMapTest, OptionsMayStandInBraces) {
  const std::vector<int> numbers{10, 20, 30};
  const auto add = [](int a, int b) { return a + b; };
  const auto add3 = [](int a, int b, int c) { return a + b + c; };

  EXPECT_EQ(collected(this->executor_.map(square, range(4), {.chunksize = 3})),
            (std::vector<int>{0, 1, 4, 9}));
  EXPECT_EQ(collected(this->executor_.map(add, range(3), numbers, {.timeout = 60s})),
            (std::vector<int>{10, 21, 32}));
  EXPECT_EQ(collected(this->executor_.map(add3, range(3), numbers, range(3), {.buffersize = 2})),
            (std::vector<int>{10, 22, 34}));
}

TYPED_TEST(ExecutorMapTest, OptionsMayHaveAName) {
  const MapOptions options{.chunksize = 2};
  const auto add4 = [](int a, int b, int c, int d) { return a + b + c + d; };

  EXPECT_EQ(collected(this->executor_.map(square, range(3), options)), (std::vector<int>{0, 1, 4}));
  EXPECT_EQ(collected(this->executor_.map(add4, range(2), range(2), range(2), range(2), options)),
            (std::vector<int>{0, 4}));
  EXPECT_THROW((void)this->executor_.map(square, range(3), {.chunksize = 0}), ValueError);
}

TYPED_TEST(ExecutorMapTest, ElementsMayStandInBraces) {
  EXPECT_EQ(collected(this->executor_.map(square, {1, 2, 3})), (std::vector<int>{1, 4, 9}));
  EXPECT_EQ(collected(this->executor_.map(shout, {"a", "b"}, {.chunksize = 2})),
            (std::vector<std::string>{"a!", "b!"}));
  EXPECT_EQ(collected(this->executor_.map([](auto x) { return x + 1; }, {1.5})),
            (std::vector<double>{2.5}));
}

TYPED_TEST(ExecutorMapTest, AGeneratorThatIsKeptIsReadWhereItIs) {
  int calls = 0;
  auto numbers = generate([&]() -> std::optional<int> {
    if (calls == 3) return std::nullopt;
    return calls++;
  });

  EXPECT_EQ(collected(this->executor_.map(square, numbers)), (std::vector<int>{0, 1, 4}));
  EXPECT_EQ(calls, 3);
}

TYPED_TEST(ExecutorMapTest, TheBaseTakesThemToo) {
  Executor& base = this->executor_;

  EXPECT_EQ(collected(base.map(square, {1, 2}, {.chunksize = 2})), (std::vector<int>{1, 4}));
  EXPECT_EQ(collected(base.map(std::plus<int>(), range(2), range(2))), (std::vector<int>{0, 2}));
}

TYPED_TEST(ExecutorMapTest, AfterAShutdownWhatIsOutComesFirst) {
  auto results = this->executor_.map(square, range(10), {.buffersize = 2});

  this->executor_.shutdown();

  EXPECT_EQ(results.next(), 0);
  EXPECT_EQ(results.next(), 1);
  EXPECT_THROW((void)results.next(), ValueError);
  EXPECT_EQ(results.next(), std::nullopt);
  EXPECT_THROW((void)this->executor_.map(square, range(10)), ValueError);
}

TEST(ExecutorMapOfTheBaseTest, WhatCannotBeSentIsATransferError) {
  ProcessPoolExecutor executor(1);
  Executor& base = executor;
  int factor = 3;

  EXPECT_THROW((void)base.map([&factor](int x) { return factor * x; }, range(3)), TransferError);
}

}  // namespace
}  // namespace multiprocessing
