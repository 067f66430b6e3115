// What comes back from a Pool: results, exceptions, handles.

#include <multiprocessing/pool.hpp>

#include <cerrno>
#include <chrono>
#include <numeric>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include <multiprocessing/synchronize.hpp>

#include "pool/tasks.hpp"

namespace multiprocessing {
namespace test {

struct Refused : std::runtime_error {
  using std::runtime_error::runtime_error;
};
struct Stranger : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace test
}  // namespace multiprocessing

MULTIPROCESSING_EXCEPTION(multiprocessing::test::Refused);

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using test::shout;
using test::square;
using test::three_is_bad;

void nothing(int) {}
struct Point {
  int x = 0;
  std::string label;
};
Point move_right(Point point) {
  return {point.x + 1, point.label + ">"};
}

TEST(PoolTest, ApplyReturnsWhatTheFunctionReturns) {
  Pool pool(2);

  EXPECT_EQ(pool.apply(square, 7), 49);
  EXPECT_EQ(pool.apply(shout, "hey"), "hey!");
  EXPECT_EQ(pool.apply(move_right, Point{1, "a"}).label, "a>");
  pool.apply(nothing, 1);
}

TEST(PoolTest, MapKeepsTheOrder) {
  Pool pool(2);

  const std::vector<int> squares = pool.map(square, range(1000));

  ASSERT_EQ(squares.size(), 1000U);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(squares[static_cast<std::size_t>(i)], i * i);
}

TEST(PoolTest, MapTakesAnyRangeAndAnyChunkSize) {
  Pool pool(3);
  const std::vector<std::string> words{"a", "b", "c", "d", "e"};

  for (const int chunk : {0, 1, 2, 5, 100}) {
    EXPECT_EQ(pool.map(shout, words, chunk),
              (std::vector<std::string>{"a!", "b!", "c!", "d!", "e!"}));
  }
  EXPECT_EQ(pool.map(square, {1, 2, 3}), (std::vector<int>{1, 4, 9}));
  EXPECT_TRUE(pool.map(square, std::vector<int>{}).empty());
  int next = 0;
  EXPECT_EQ(
      pool.map(square, generate([&] { return next < 3 ? std::optional(next++) : std::nullopt; })),
      (std::vector<int>{0, 1, 4}));
}

TEST(PoolTest, MapOfAFunctionWithoutResultReturnsNothing) {
  Pool pool(2);

  static_assert(std::is_void_v<decltype(pool.map(nothing, range(3)))>);
  pool.map(nothing, range(3));
}

TEST(PoolTest, StarmapUnpacksTuplesAndPairs) {
  Pool pool(2);
  const auto add = [](int a, int b) { return a + b; };

  EXPECT_EQ(pool.starmap(add, {std::tuple{1, 2}, std::tuple{3, 4}}), (std::vector<int>{3, 7}));
  EXPECT_EQ(pool.starmap(add, std::vector<std::pair<int, int>>{{5, 6}}), (std::vector<int>{11}));
}

TEST(PoolTest, CallablesWithStateTravel) {
  Pool pool(2);
  int offset = 40;  // not a constant: it has to be captured

  EXPECT_EQ(pool.map(partial([](int bound, int x) { return bound + x; }, offset), range(3)),
            (std::vector<int>{40, 41, 42}));
  EXPECT_EQ(pool.apply(by_value([offset](int x) { return offset + x; }), 2), 42);
  EXPECT_EQ(pool.apply(Function<int(int)>(square), 3), 9);
}

TEST(PoolTest, ABoolIsAResultLikeAnyOther) {
  Pool pool(2);

  EXPECT_EQ(pool.map([](int x) { return x % 2 == 0; }, range(3)),
            (std::vector<bool>{true, false, true}));
}

TEST(PoolTest, AnExceptionArrivesAsItsOwnType) {
  Pool pool(2);

  EXPECT_THROW(pool.apply(three_is_bad, 3), ValueError);
  EXPECT_THROW(pool.apply([] { throw std::out_of_range("far"); }), std::out_of_range);
  try {
    pool.map(three_is_bad, range(10));
    FAIL() << "the failure of an item must come out";
  } catch (const ValueError& error) {
    EXPECT_STREQ(error.what(), "three");
    EXPECT_NE(remote_traceback(std::current_exception()).find("ForkPoolWorker"), std::string::npos);
  }
}

TEST(PoolTest, WhateverATaskThrowsFailsThatTaskAlone) {
  Pool pool(1);
  const auto full =
      pool.apply_async([] { throw std::system_error(ENOSPC, std::generic_category(), "disk"); });
  const auto known = pool.apply_async([] { throw test::Refused("no"); });
  const auto unknown = pool.apply_async([] { throw test::Stranger("hello"); });
  const auto number = pool.apply_async([] { throw 42; });

  try {
    full.get();
    FAIL();
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::no_space_on_device);
  }
  EXPECT_THROW(known.get(), test::Refused);
  try {
    unknown.get();
    FAIL();
  } catch (const RemoteError& error) {
    EXPECT_NE(std::string(error.what()).find("hello"), std::string::npos) << error.what();
  }
  EXPECT_THROW(number.get(), RemoteError);
  EXPECT_EQ(pool.apply(square, 3), 9);
}

TEST(PoolTest, AFailingItemDoesNotKeepTheOthersFromRunning) {
  Pool pool(2);
  const Event last;

  EXPECT_THROW(pool.map(partial(
                            [](const Event& event, int x) {
                              if (x == 9) event.set();
                              return three_is_bad(x);
                            },
                            last),
                        range(10), 10),
               ValueError);

  EXPECT_TRUE(last.is_set());
}

TEST(PoolTest, BigArgumentsAndResultsTravel) {
  Pool pool(2);
  const std::vector<int> numbers(1 << 20, 1);
  const auto sum = [](std::span<const int> values) {
    return std::accumulate(values.begin(), values.end(), 0);
  };

  EXPECT_EQ(pool.apply(sum, numbers), 1 << 20);
  EXPECT_EQ(
      pool.apply([](int n) { return std::string(static_cast<std::size_t>(n), 'x'); }, 3'000'000)
          .size(),
      3'000'000U);
}

TEST(PoolTest, HandlesTravelAsArgumentsAndResults) {
  Pool pool(2);
  const Event made_after_the_pool;

  pool.apply([](const Event& event) { event.set(); }, made_after_the_pool);
  const Event made_in_a_task = pool.apply([] {
    const Event event;
    event.set();
    return event;
  });

  EXPECT_TRUE(made_after_the_pool.is_set());
  EXPECT_TRUE(made_in_a_task.is_set());
  for (const Event& event : pool.map([](int) { return Event(); }, range(20))) event.set();
}

TEST(PoolTest, AsyncResultsTellWhetherTheyAreReady) {
  Pool pool(2);
  const Event go;

  const auto result = pool.apply_async(
      [](const Event& event) {
        event.wait();
        return 5;
      },
      go);

  EXPECT_FALSE(result.ready());
  EXPECT_FALSE(result.wait(10ms));
  EXPECT_THROW(static_cast<void>(result.successful()), ValueError);
  EXPECT_THROW(result.get(Timeout::zero()), TimeoutError);
  go.set();
  EXPECT_EQ(result.get(), 5);
  EXPECT_EQ(result.get(), 5) << "it may be asked for again";
  EXPECT_TRUE(result.successful());
}

TEST(PoolTest, ResultsMayBeForgotten) {
  Pool pool(2);

  for (int i = 0; i < 5000; ++i) (void)pool.apply_async(square, i);
  (void)pool.map_async(square, range(1000));

  EXPECT_EQ(pool.apply(square, 2), 4);
}

TEST(PoolTest, SeveralThreadsMaySubmit) {
  Pool pool(2);
  std::vector<int> sums(4);
  std::vector<std::thread> threads;

  for (std::size_t t = 0; t < sums.size(); ++t) {
    threads.emplace_back([&pool, &sum = sums[t]] {
      for (int i = 0; i < 200; ++i) sum += pool.apply(square, 1);
      for (const int x : pool.map(square, range(100))) sum += x >= 0 ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();

  for (const int sum : sums) EXPECT_EQ(sum, 300);
}

TEST(PoolTest, TasksKnowTheirWorker) {
  Pool pool(3);

  for (const int index : pool.map([](int) { return worker_index(); }, range(30))) {
    EXPECT_GE(index, 0);
    EXPECT_LT(index, 3);
  }
  EXPECT_EQ(pool.apply([] { return worker_count(); }), 3);
  EXPECT_THROW(static_cast<void>(worker_index()), ValueError);
  EXPECT_FALSE(stop_requested());
}

TEST(PoolTest, APoolMayBeUsedInsideATask) {
  Pool pool(2);

  const int sum = pool.apply(
      [](int n) {
        Pool inner(2);
        int total = 0;
        for (const int x : inner.map(square, range(n))) total += x;
        return total;
      },
      4);

  EXPECT_EQ(sum, 0 + 1 + 4 + 9);
}

TEST(PoolTest, WorkersAreListedAsChildrenOfTheOwner) {
  Pool pool(2);
  (void)pool.map([](int) { return 0; }, range(2), 1);

  int workers = 0;
  for (const ChildProcess& child : active_children()) {
    workers += child.name().starts_with("ForkPoolWorker-") ? 1 : 0;
  }

  EXPECT_GE(workers, 1);
  EXPECT_LE(workers, 2);
}

}  // namespace
}  // namespace multiprocessing
