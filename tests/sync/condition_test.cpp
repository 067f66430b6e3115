// Condition within one process; the names follow Python's ConditionTests.

#include <multiprocessing/synchronize.hpp>

#include <atomic>
#include <chrono>
#include <cstring>
#include <mutex>
#include <thread>
#include <unordered_set>
#include <vector>

#include <gtest/gtest.h>

#include "sync/condition_support.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// Threads that wait once; joined at the end.
struct Waiters {
  Waiters(const Condition& condition, int count) {
    for (int i = 0; i < count; ++i) {
      threads.emplace_back([this, condition] {
        const std::lock_guard guard(condition);
        woken += condition.wait(1h) ? 1 : 0;
      });
    }
    test::await([&] { return test::waiters_of(condition) == count; });
  }
  Waiters(const Waiters&) = delete;
  Waiters& operator=(const Waiters&) = delete;
  ~Waiters() {
    for (std::thread& thread : threads) thread.join();
  }

  std::atomic<int> woken{0};
  std::vector<std::thread> threads;
};

TEST(ConditionTest, NotifyWakesAsManyAsItSays) {
  const Condition condition;
  Waiters waiters(condition, 6);

  for (const int n : {1, 2}) {
    const std::lock_guard guard(condition);
    condition.notify(n);
  }
  test::await([&] { return waiters.woken.load() == 3; });

  EXPECT_EQ(test::waiters_of(condition), 3);
  const std::lock_guard guard(condition);
  condition.notify_all();
}

TEST(ConditionTest, NotificationWithoutAWaiterIsForgotten) {
  const Condition condition;
  const std::lock_guard guard(condition);
  condition.notify(3);
  condition.notify_all();
  condition.notify(0);
  condition.notify(-1);

  EXPECT_FALSE(condition.wait(10ms));
  EXPECT_EQ(test::cells_in_use(condition), 0);
}

TEST(ConditionTest, TimeoutPassesBeforeFalseAndTheLockIsHeldAgain) {
  const Condition condition;
  const std::lock_guard guard(condition);
  const auto start = Clock::now();

  EXPECT_FALSE(condition.wait(0s));
  EXPECT_FALSE(condition.wait(-1s));
  EXPECT_FALSE(condition.wait(120ms));

  EXPECT_GE(Clock::now() - start, 120ms);
  condition.notify();
}

TEST(ConditionTest, WaitReleasesALockThatWasAcquiredSeveralTimesAndRestoresIt) {
  const RLock lock;
  const Condition condition(lock);
  for (int i = 0; i < 3; ++i) lock.acquire();
  std::thread other([&] {
    const std::lock_guard guard(condition);
    condition.notify();
  });

  EXPECT_TRUE(condition.wait(1h));

  other.join();
  for (int i = 0; i < 3; ++i) lock.release();
  EXPECT_FALSE(lock.locked());
  EXPECT_THROW(lock.release(), ValueError);
}

TEST(ConditionTest, WaitOrNotifyWithoutTheLockThrows) {
  const Lock lock;
  for (const Condition& condition : {Condition(), Condition(lock)}) {
    EXPECT_THROW(condition.wait(), ValueError);
    EXPECT_THROW(condition.wait_for([] { return false; }), ValueError);
    EXPECT_THROW(condition.notify(), ValueError);
    EXPECT_THROW(condition.notify_all(), ValueError);
    EXPECT_THROW(condition.release(), ValueError);
    condition.unlock();
  }
  const Condition condition;
  const std::lock_guard guard(condition);
  std::thread other([&] {
    EXPECT_THROW(condition.notify(), ValueError);
    EXPECT_THROW(condition.release(), ValueError);
  });
  other.join();
}

TEST(ConditionTest, WaitForReturnsWhatThePredicateSaysLast) {
  const Condition condition;
  const std::lock_guard guard(condition);
  EXPECT_TRUE(condition.wait_for([] { return true; }, 0s));
  const auto start = Clock::now();
  EXPECT_FALSE(condition.wait_for([] { return false; }, 60ms));
  EXPECT_GE(Clock::now() - start, 60ms);

  int state = 0;
  std::thread other([&] {
    for (int i = 1; i <= 4; ++i) {
      const std::lock_guard inner(condition);
      state = i;
      condition.notify();
    }
  });
  EXPECT_TRUE(condition.wait_for([&] { return state == 4; }, 1h));
  other.join();
}

TEST(ConditionTest, LockMayBeSharedBetweenConditions) {
  const Lock lock;
  const Condition not_empty(lock);
  const Condition not_full(lock);
  int items = 0;
  std::thread consumer([&] {
    for (int i = 0; i < 500; ++i) {
      const std::lock_guard guard(lock);
      EXPECT_TRUE(not_empty.wait_for([&] { return items > 0; }, 1h));
      --items;
      not_full.notify();
    }
  });

  for (int i = 0; i < 500; ++i) {
    const std::lock_guard guard(lock);
    EXPECT_TRUE(not_full.wait_for([&] { return items < 3; }, 1h));
    ++items;
    not_empty.notify();
  }

  consumer.join();
  EXPECT_EQ(items, 0);
}

TEST(ConditionTest, MoreMayWaitThanOnePageHasCells) {
  const Condition condition;
  constexpr int kMany = 2 * sync::kCells + 5;
  Waiters waiters(condition, kMany);

  {
    const std::lock_guard guard(condition);
    condition.notify_all();
  }

  test::await([&] { return waiters.woken.load() == kMany; });
  test::await([&] { return test::cells_in_use(condition) == 0; });
}

TEST(ConditionTest, CopiesAndIdsAreTheSameConditionWithTheSameLock) {
  Condition found;
  Lock lock;
  {
    const Condition condition(lock);
    found = Condition::from_handle_id(condition.handle_id());
    EXPECT_EQ(found, condition);
    EXPECT_EQ(std::unordered_set<Condition>({condition, found}).size(), 1U);
    EXPECT_NE(Condition(lock), condition);
  }
  found.acquire();
  EXPECT_TRUE(lock.locked());
  lock = Lock();
  EXPECT_FALSE(found.acquire(false)) << "the condition keeps its lock";
  found.release();
  EXPECT_THROW(Condition::from_handle_id(Lock().handle_id()), ValueError);
  static_assert(is_transferable_v<Condition>);
}

// Who destroys a condition and dies may have freed a page before it emptied the location.
TEST(ConditionTest, PageThatIsAnothersByNowIsLeftAlone) {
  const Condition condition;
  {
    Waiters waiters(condition, static_cast<int>(sync::kCells) + 1);
    const std::lock_guard guard(condition);
    condition.notify_all();
  }
  shm::Location& last = test::state_of<sync::ConditionState>(condition).first.next;
  const auto page = shm::BlockRef::unpack(last.load());
  shm::Block freed;
  ASSERT_TRUE(shm::take(page, shm::PublishKind::none, 0, 0, freed));
  shm::release(freed);
  shm::OwnedBlock another(shm::allocate(sizeof(sync::CellPage)));
  ASSERT_EQ(another.get().ref.id, page.id);
  std::memset(another.get().data(), 0xFF, sizeof(sync::CellPage));

  sync::destroy(test::state_of<sync::ConditionState>(condition));

  EXPECT_EQ(last.load(), 0U);
  EXPECT_TRUE(shm::is_own(another.get()));
}

TEST(ConditionTest, ConditionThatIsGoneLeavesNothing) {
  (void)Condition();
  const auto before = shm::census().blocks;
  {
    const Condition condition;
    Waiters waiters(condition, static_cast<int>(sync::kCells) + 1);
    const std::lock_guard guard(condition);
    condition.notify_all();
  }
  EXPECT_EQ(shm::census().blocks, before);
}

}  // namespace
}  // namespace multiprocessing
