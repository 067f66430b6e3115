// CPython's TestSyncManagerTypes: what a manager makes, used by a child, and then by the parent.

#include <multiprocessing/context.hpp>
#include <multiprocessing/managers.hpp>

#include <mutex>
#include <vector>

#include <gtest/gtest.h>

#include "process/each_start_method.hpp"
#include "support/child.hpp"

namespace multiprocessing {
namespace {

class SyncTypesTest : public test::EachStartMethod {
 protected:
  template <class Handle>
  void run_worker(void (*target)(const Handle&), const Handle& handle) const {
    auto process = ctx().Process(target, handle);
    EXPECT_EQ(run(process), 0);
  }

  Manager manager_;
};

INSTANTIATE_TEST_SUITE_P(Methods, SyncTypesTest, test::each_start_method(), test::name_of_method);

TEST_P(SyncTypesTest, RLockTakenTwiceByAChildIsFreeAfterwards) {
  const auto lock = manager_.RLock();

  run_worker<RLock>(
      [](const RLock& same) {
        same.acquire();
        const std::scoped_lock again(same);
        test::require(same.locked());
        same.release();
      },
      lock);

  EXPECT_FALSE(lock.locked());
  EXPECT_THROW(lock.release(), ValueError);
}

TEST_P(SyncTypesTest, PermitThatAChildTookIsGivenBackByTheParentAndNoMore) {
  const auto semaphore = manager_.BoundedSemaphore();

  run_worker<BoundedSemaphore>([](const BoundedSemaphore& same) { same.acquire(); }, semaphore);

  EXPECT_FALSE(semaphore.acquire(false));
  semaphore.release();
  EXPECT_THROW(semaphore.release(), ValueError);
}

TEST_P(SyncTypesTest, ChildNotifiesTheParentThroughACondition) {
  const auto condition = manager_.Condition();
  auto process = ctx().Process(
      [](const Condition& same) {
        const std::scoped_lock guard(same);  // had once the parent waits
        same.notify();
      },
      condition);

  condition.acquire();
  process.start();
  EXPECT_TRUE(condition.wait());
  condition.release();

  EXPECT_TRUE(process.join());
  EXPECT_EQ(process.exitcode(), 0);
  EXPECT_THROW(condition.release(), ValueError);
}

TEST_P(SyncTypesTest, BarrierIsTheSameInTheChild) {
  const auto barrier = manager_.Barrier(5);

  run_worker<Barrier>(
      [](const Barrier& same) {
        test::require(same.parties() == 5);
        same.abort();
      },
      barrier);

  EXPECT_TRUE(barrier.broken());
  barrier.reset();
  EXPECT_FALSE(barrier.broken());
}

TEST_P(SyncTypesTest, ArrayHasItsElementsInTheChild) {
  const auto array = manager_.Array<int>({0, 1});

  run_worker<Array<int>>(
      [](const Array<int>& same) {
        test::require(same.size() == 2);
        test::require(same[0] == 0 && same[1] == 1);
        same[1] = 7;
      },
      array);

  EXPECT_EQ(array.slice(0, 2), (std::vector<int>{0, 7}));
}

// A pool is the process's that made it, so the child has its manager make one of its own.
TEST_P(SyncTypesTest, PoolOfAManagerWorksInTheParentAndInAChild) {
  auto pool = manager_.Pool(2);
  const auto square = [](int x) { return x * x; };
  EXPECT_EQ(pool.map(square, {1, 2, 3}), (std::vector<int>{1, 4, 9}));

  auto process = ctx().Process([] {
    const Manager manager;
    auto own = manager.Pool({.processes = 1});
    test::require(own.apply([](int x) { return x + 1; }, 6) == 7);
  });
  EXPECT_EQ(run(process), 0);

  EXPECT_EQ(pool.apply(square, 4), 16);
}

}  // namespace
}  // namespace multiprocessing
