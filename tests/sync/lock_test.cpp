// Lock and RLock within one process; the names follow Python's _TestLock and lock_tests.

#include <multiprocessing/synchronize.hpp>

#include <chrono>
#include <mutex>
#include <thread>
#include <unordered_set>
#include <vector>

#include <gtest/gtest.h>

#include "sync/lock_support.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// Runs `f` in another thread and returns what it returns.
template <class F>
auto elsewhere(F f) {
  decltype(f()) result{};
  std::thread([&] { result = f(); }).join();
  return result;
}

template <class L>
concept AcquiresNumbers = requires(const L& lock) { lock.acquire(2.5); } ||
                          requires(const L& lock) { lock.acquire(5); } ||
                          requires(const L& lock) { lock.acquire(true, 5); };
static_assert(!AcquiresNumbers<Lock> && !AcquiresNumbers<RLock>, "no time-out is a bare number");
static_assert(detail::HandleId{1} == detail::HandleId{1});

TEST(LockTest, AcquireTakesAndReleaseFrees) {
  const Lock lock;
  EXPECT_FALSE(lock.locked());

  EXPECT_TRUE(lock.acquire());

  EXPECT_TRUE(lock.locked());
  EXPECT_FALSE(lock.acquire(false));
  lock.release();
  EXPECT_FALSE(lock.locked());
}

TEST(LockTest, ReleaseOfAFreeLockThrowsValueError) {
  const Lock lock;
  try {
    lock.release();
    FAIL() << "nothing was thrown";
  } catch (const ValueError& error) {
    EXPECT_TRUE(
        std::string(error.what()).starts_with("semaphore or lock released too many times: "));
  }
  EXPECT_TRUE(lock.acquire(false)) << "the lock stays usable";
}

TEST(LockTest, HolderThatAcquiresAgainDoesNotGetIt) {
  const Lock lock;
  ASSERT_TRUE(lock.acquire());

  EXPECT_FALSE(lock.acquire(false));
  EXPECT_FALSE(lock.acquire(10ms));
}

TEST(LockTest, TimeoutsThatAreZeroNegativeOrPastDoNotBlock) {
  const Lock lock;
  ASSERT_TRUE(lock.acquire());

  EXPECT_FALSE(lock.acquire(0s));
  EXPECT_FALSE(lock.acquire(-5s));
  EXPECT_FALSE(lock.acquire(Clock::now() - 1h));
  EXPECT_FALSE(lock.acquire(false, 1h)) << "without block, the time-out is ignored";
  EXPECT_FALSE(lock.acquire(true, 0s));
}

TEST(LockTest, FiniteTimeoutPassesBeforeFalse) {
  const Lock lock;
  ASSERT_TRUE(lock.acquire());
  const auto start = Clock::now();

  EXPECT_FALSE(lock.acquire(120ms));
  EXPECT_FALSE(lock.try_lock_until(Clock::now() + 30ms));

  EXPECT_GE(Clock::now() - start, 150ms);
  lock.release();
  EXPECT_TRUE(lock.acquire(1h)) << "a lock that was waited for in vain stays usable";
}

TEST(LockTest, AnotherThreadMayRelease) {
  const Lock lock;
  ASSERT_TRUE(lock.acquire());

  std::thread([lock] { lock.release(); }).join();

  EXPECT_TRUE(lock.acquire(false));
}

TEST(LockTest, WaiterGetsTheLockOnceItIsReleased) {
  const Lock lock;
  ASSERT_TRUE(lock.acquire());
  std::thread waiter([lock] {
    EXPECT_TRUE(lock.acquire(1h));
    lock.release();
  });
  test::await_waiter(lock);

  lock.release();

  waiter.join();
  EXPECT_FALSE(lock.locked());
}

TEST(LockTest, ManySleepersAllGetTheirTurn) {
  const Lock lock;
  int turns = 0;  // plain: the lock guards it
  ASSERT_TRUE(lock.acquire());
  std::vector<std::thread> waiters;
  waiters.reserve(10);
  for (int i = 0; i < 10; ++i) {  // more than a process has sleep notes
    waiters.emplace_back([&] {
      const std::lock_guard guard(lock);
      ++turns;
    });
  }
  test::await_waiter(lock);

  lock.release();

  for (std::thread& waiter : waiters) waiter.join();
  EXPECT_EQ(turns, 10);
}

TEST(LockTest, GuardsOfTheStandardLibraryTakeAConstLock) {
  const Lock a;
  const Lock b;
  {
    const std::scoped_lock both(a, b);
    EXPECT_TRUE(a.locked() && b.locked());
    const std::unique_lock third(a, std::try_to_lock);
    EXPECT_FALSE(third.owns_lock());
    const std::unique_lock fourth(a, 5ms);
    EXPECT_FALSE(fourth.owns_lock());
    const std::unique_lock fifth(a, Clock::now());
    EXPECT_FALSE(fifth.owns_lock());
  }
  EXPECT_FALSE(a.locked() || b.locked());
}

TEST(LockTest, GuardReleasesOnAnException) {
  const Lock lock;
  EXPECT_THROW(
      {
        const std::lock_guard guard(lock);
        throw ValueError();
      },
      ValueError);
  EXPECT_FALSE(lock.locked());
}

TEST(LockTest, CopiesAndIdsAreTheSameLock) {
  const Lock lock;
  const Lock copy = lock;  // NOLINT(performance-unnecessary-copy-initialization)
  const Lock found = Lock::from_handle_id(lock.handle_id());
  const Lock other;

  EXPECT_EQ(copy, lock);
  EXPECT_EQ(found, lock);
  EXPECT_NE(other, lock);
  EXPECT_EQ(std::unordered_set<Lock>({lock, copy, found, other}).size(), 2U);
  ASSERT_TRUE(copy.acquire());
  EXPECT_TRUE(found.locked());
}

TEST(LockTest, IdThatIsGoneOrOfAnotherKindThrowsValueError) {
  const auto gone = Lock().handle_id();
  const RLock other_kind;

  EXPECT_THROW(Lock::from_handle_id(gone), ValueError);
  EXPECT_THROW(Lock::from_handle_id(other_kind.handle_id()), ValueError);
}

TEST(LockTest, LockThatWasMovedFromThrowsValueError) {
  Lock lock;
  const Lock moved = std::move(lock);
  // NOLINTNEXTLINE(bugprone-use-after-move,clang-analyzer-cplusplus.Move): is the case
  EXPECT_THROW(lock.acquire(), ValueError);
  lock = moved;
  EXPECT_TRUE(lock.acquire());
}

TEST(RLockTest, HolderMayAcquireAgainAndFreesItByTheLastRelease) {
  const RLock lock;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(lock.acquire());
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(lock.locked());
    lock.release();
  }
  EXPECT_FALSE(lock.locked());
}

TEST(RLockTest, ReleaseWithoutHoldingThrowsValueError) {
  const RLock lock;
  EXPECT_THROW(lock.release(), ValueError);
  ASSERT_TRUE(lock.acquire());

  const auto refused = [lock] {
    try {
      lock.release();
    } catch (const ValueError&) {
      return true;
    }
    return false;
  };

  EXPECT_TRUE(elsewhere(refused)) << "only the thread that holds it may release it";
  EXPECT_TRUE(lock.locked());
  lock.unlock();
  lock.unlock();  // no effect, and does not throw
  EXPECT_FALSE(lock.locked());
}

TEST(RLockTest, OtherThreadsAreKeptOut) {
  const RLock lock;
  ASSERT_TRUE(lock.acquire());

  EXPECT_FALSE(elsewhere([lock] { return lock.acquire(false); }));
  EXPECT_FALSE(elsewhere([lock] { return lock.acquire(20ms); }));
  EXPECT_TRUE(elsewhere([lock] { return lock.locked(); }));

  lock.release();
  EXPECT_TRUE(elsewhere([lock] {
    const bool got = lock.acquire(false);
    lock.release();
    return got;
  }));
}

TEST(RLockTest, ThreadThatFollowsAnEndedHolderOwnsNothing) {
  const RLock lock;
  std::thread([lock] { lock.acquire(); }).join();

  EXPECT_FALSE(elsewhere([lock] { return lock.acquire(false); }));
  EXPECT_TRUE(lock.locked()) << "a thread that ends while holding is no death";
}

TEST(RLockTest, AbsurdDepthThrowsValueError) {
  const RLock lock;
  ASSERT_TRUE(lock.acquire());
  auto& inner = test::state_of<sync::LockState>(lock).inner;
  inner.store(inner.load() | sync::kMaxDepth);

  EXPECT_THROW(lock.acquire(), ValueError);
}

}  // namespace
}  // namespace multiprocessing
