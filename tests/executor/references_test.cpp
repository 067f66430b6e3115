// What a task was given and what it returned is kept no longer than it is wanted: by the library,
// in this process or in a worker.

#include <multiprocessing/futures.hpp>
#include <multiprocessing/pool.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <multiprocessing/synchronize.hpp>

#include "executor/each_executor.hpp"
#include "executor/tracked.hpp"

namespace multiprocessing {
namespace {

using test::Tracked;

int alive_there() {
  return Tracked::all_alive();
}
int number_of(const Tracked& tracked) {
  return tracked.number();
}
int fail_with(const Tracked& tracked) {
  throw ValueError(std::to_string(tracked.number()));
}
Tracked make(int number) {
  return Tracked(number);
}
Tracked pass(Tracked tracked) {
  return tracked;
}

// A thread has hold of a future until a moment after its result is seen.
void await_end_of(int number) {
  while (Tracked::alive(number) != 0) std::this_thread::yield();
}

// One worker: a task begins when the one before it is over.
class ReferencesTest : public testing::TestWithParam<bool> {
 protected:
  static std::unique_ptr<Executor> make_executor() { return test::make_executor(GetParam(), 1); }
};

INSTANTIATE_TEST_SUITE_P(Executors, ReferencesTest, testing::Bool(), test::executor_name);

TEST_P(ReferencesTest, ATaskWhoseFutureWasDroppedKeepsItsObjectNoLongerThanItRuns) {
  const auto executor = make_executor();

  (void)executor->submit(&Tracked::twice, Tracked(3));

  EXPECT_EQ(executor->submit(alive_there).result(), 0);
  EXPECT_EQ(Tracked::all_alive(), 0);
}

TEST_P(ReferencesTest, ArgumentsAreLetGoWithTheTaskThoughItsFutureIsKept) {
  const auto executor = make_executor();

  const auto good = executor->submit(number_of, Tracked(3));
  const auto bad = executor->submit(fail_with, Tracked(4));

  EXPECT_EQ(good.result(), 3);
  EXPECT_THROW((void)bad.result(), ValueError);
  EXPECT_EQ(Tracked::all_alive(), 0);
  EXPECT_EQ(executor->submit(alive_there).result(), 0);
}

TEST_P(ReferencesTest, ACancelledTaskKeepsItsArgumentsNoLongerThanItIsQueued) {
  const auto executor = make_executor();
  const Event go;
  const auto first = executor->submit([](const Event& event) { event.wait(); }, go);
  const auto second = executor->submit(number_of, Tracked(3));
  EXPECT_TRUE(second.cancel());

  go.set();

  EXPECT_EQ(executor->submit(alive_there).result(), 0);
  EXPECT_EQ(Tracked::all_alive(), 0);
}

TEST_P(ReferencesTest, AMapKeepsNoResultThatHasComeOut) {
  const auto executor = make_executor();
  for (const std::int64_t chunk : {1, 3}) {
    auto results = executor->map(make, range(10), MapOptions{.chunksize = chunk});
    for (int i = 0; i < 10; ++i) {
      {
        const auto result = results.next();
        ASSERT_TRUE(result.has_value());
        EXPECT_EQ(result->number(), i);
      }
      await_end_of(i);
    }
  }
}

TEST_P(ReferencesTest, AMapThatIsIteratedKeepsNoResultThatWasMovedOut) {
  const auto executor = make_executor();
  int expected = 0;
  for (auto& result : executor->map(make, range(10))) {
    {
      const Tracked mine = std::move(result);
      EXPECT_EQ(mine.number(), expected);
    }
    await_end_of(expected);
    ++expected;
  }
  EXPECT_EQ(expected, 10);
}

TEST_P(ReferencesTest, AsCompletedKeepsNoFutureThatHasComeOut) {
  const auto executor = make_executor();
  std::vector<Future<Tracked>> futures;
  for (int i = 0; i < 8; ++i) futures.push_back(executor->submit(make, i));
  executor->shutdown();  // a worker has hold of a result until a moment after it is seen
  auto completed = as_completed(futures);
  futures.clear();
  std::vector<int> seen;

  for (const auto& future : completed) {
    for (const int number : seen) EXPECT_EQ(Tracked::alive(number), 0);
    seen.push_back(future.result().number());
  }

  EXPECT_EQ(seen.size(), 8U);
  EXPECT_EQ(Tracked::all_alive(), 0);
}

// Pools: every way to give them many objects.
template <class Any>
void expect_nothing_is_kept(Any& pool) {
  {
    std::vector<Tracked> objects;
    for (int i = 0; i < 10; ++i) objects.emplace_back(i);
    EXPECT_EQ(pool.map(pass, objects).size(), objects.size());
    auto copies = pool.imap(pass, objects, 3);
    for (int i = 0; i < 10; ++i) EXPECT_EQ(copies.next()->number(), i);
    EXPECT_EQ(pool.apply(pass, Tracked(3)).number(), 3);
  }
  EXPECT_EQ(pool.apply(alive_there), 0);
  EXPECT_EQ(Tracked::all_alive(), 0);

  std::vector<Tracked> objects(10);
  const auto map = pool.map_async(number_of, std::exchange(objects, {}), 4);
  const auto failing = pool.map_async(fail_with, std::vector<Tracked>(3), 2);
  const auto single = pool.apply_async(number_of, Tracked(5));
  map.wait();
  failing.wait();
  single.wait();
  EXPECT_EQ(Tracked::all_alive(), 0) << "the results are kept, the arguments are not";
  EXPECT_EQ(pool.apply(alive_there), 0);
}

TEST(PoolReferencesTest, NeitherArgumentsNorResultsAreKept) {
  Pool pool(1);
  expect_nothing_is_kept(pool);
}

TEST(ThreadPoolReferencesTest, NeitherArgumentsNorResultsAreKept) {
  ThreadPool pool(1);
  expect_nothing_is_kept(pool);
}

}  // namespace
}  // namespace multiprocessing
