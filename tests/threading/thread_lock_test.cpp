// Lock, RLock, Semaphore and Event of one process; the names follow Python's lock_tests.

#include <multiprocessing/threading.hpp>

#include <chrono>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <unordered_set>

#include <gtest/gtest.h>

#include "threading/bunch.hpp"

namespace multiprocessing::threading {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using test::Bunch;

template <class F>
auto elsewhere(F f) {
  decltype(f()) result{};
  std::thread([&] { result = f(); }).join();
  return result;
}

template <class L>
concept AcquiresNumbers =
    requires(const L& lock) { lock.acquire(2.5); } || requires(const L& lock) { lock.acquire(5); };
static_assert(!AcquiresNumbers<Lock> && !AcquiresNumbers<Semaphore>,
              "no time-out is a bare number");

template <class L>
class AnyLockTest : public testing::Test {};
using Locks = testing::Types<Lock, RLock>;
TYPED_TEST_SUITE(AnyLockTest, Locks);

TYPED_TEST(AnyLockTest, AcquireTakesAndReleaseFrees) {
  const TypeParam lock;
  EXPECT_FALSE(lock.locked());

  EXPECT_TRUE(lock.acquire());

  EXPECT_TRUE(lock.locked());
  lock.release();
  EXPECT_FALSE(lock.locked());
}

TYPED_TEST(AnyLockTest, DestructionOfAHeldLockIsHarmless) {
  auto lock = std::make_unique<TypeParam>();
  lock->acquire();
  lock.reset();
}

TYPED_TEST(AnyLockTest, AnotherThreadDoesNotGetAHeldLock) {
  const TypeParam lock;
  lock.acquire();

  EXPECT_FALSE(elsewhere([&] { return lock.acquire(false); }));
  EXPECT_FALSE(elsewhere([&] { return lock.acquire(10ms); }));
  EXPECT_TRUE(elsewhere([&] { return lock.locked(); }));

  lock.release();
  EXPECT_TRUE(elsewhere([&] {
    const bool got = lock.acquire(false);
    lock.release();
    return got;
  }));
}

TYPED_TEST(AnyLockTest, GuardReleasesOnAnException) {
  const TypeParam lock;
  try {
    const std::lock_guard guard(lock);
    throw std::runtime_error("out");
  } catch (const std::runtime_error&) {
    EXPECT_FALSE(lock.locked());
  }
}

TYPED_TEST(AnyLockTest, TimeoutWithoutBlockThrowsValueErrorAndNegativeOnesDoNotBlock) {
  const TypeParam lock;
  EXPECT_THROW(lock.acquire(false, 1s), ValueError);
  EXPECT_TRUE(lock.acquire(true, -1s));
  EXPECT_FALSE(elsewhere([&] { return lock.acquire(-1s); }));
}

TYPED_TEST(AnyLockTest, TimedAcquireWaitsThatLongAndLeavesTheLockUsable) {
  const TypeParam lock;
  lock.acquire();

  const auto start = Clock::now();
  EXPECT_FALSE(elsewhere([&] { return lock.acquire(50ms); }));
  EXPECT_GE(Clock::now() - start, 50ms);

  lock.release();
  EXPECT_TRUE(lock.acquire(1ms));
}

TYPED_TEST(AnyLockTest, ReleaseOfAFreeLockThrowsValueError) {
  const TypeParam lock;
  EXPECT_THROW(lock.release(), ValueError);
  lock.acquire();
  lock.release();
  EXPECT_THROW(lock.release(), ValueError);
}

TYPED_TEST(AnyLockTest, ContendersExcludeEachOther) {
  const TypeParam lock;
  int counter = 0;
  Bunch(4, [&lock, &counter](int) {
    for (int i = 0; i < 5000; ++i) {
      const std::lock_guard guard(lock);
      ++counter;
    }
  });
  EXPECT_EQ(counter, 20000);
}

TYPED_TEST(AnyLockTest, CopiesAreTheSameLock) {
  const TypeParam lock;
  const TypeParam copy = lock;
  EXPECT_EQ(copy, lock);
  EXPECT_NE(copy, TypeParam());
  EXPECT_TRUE((std::unordered_set<TypeParam>{lock}.contains(copy)));
}

TEST(ThreadLockTest, HolderWaitsForItselfUntilAnotherThreadReleases) {
  const Lock lock;
  lock.acquire();
  std::thread other([&] { lock.release(); });

  EXPECT_TRUE(lock.acquire());

  other.join();
}

TEST(ThreadRLockTest, OwnerMayAcquireAgainAndReleasesAsOften) {
  const RLock lock;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(lock.acquire(false));

  lock.release();
  lock.release();
  EXPECT_TRUE(elsewhere([&] { return lock.locked(); }));
  lock.release();
  EXPECT_FALSE(lock.locked());
}

TEST(ThreadRLockTest, ReleaseByAnotherThreadThrowsValueError) {
  const RLock lock;
  lock.acquire();
  EXPECT_TRUE(elsewhere([&] {
    try {
      lock.release();
      return false;
    } catch (const ValueError&) {
      return true;
    }
  }));
  EXPECT_TRUE(lock.locked());
}

TEST(ThreadSemaphoreTest, NegativeValueThrowsValueErrorAndTheDefaultIsOne) {
  EXPECT_THROW(Semaphore(-1), ValueError);
  EXPECT_THROW(BoundedSemaphore(-1), ValueError);
  const Semaphore one;
  EXPECT_TRUE(one.acquire(false));
  EXPECT_FALSE(one.acquire(false));
  EXPECT_THROW(one.acquire(false, 1s), ValueError);
  EXPECT_FALSE(one.acquire(10ms));
}

TEST(ThreadSemaphoreTest, ExactlyAsManyAcquireAsThereArePermits) {
  const Semaphore permits(7);
  permits.acquire();
  std::atomic<int> taken{0};
  Bunch bunch(10, [&](int) {
    permits.acquire();
    ++taken;
    permits.acquire();
    ++taken;
  });
  test::await([&] { return taken == 6; });
  EXPECT_FALSE(permits.acquire(10ms));
  EXPECT_EQ(taken, 6);

  permits.release(7);
  test::await([&] { return taken == 13; });
  EXPECT_FALSE(permits.acquire(10ms));
  EXPECT_EQ(taken, 13);

  permits.release(8);
  bunch.join();
  EXPECT_EQ(taken, 20);
  EXPECT_EQ(permits.get_value(), 1);
}

TEST(ThreadSemaphoreTest, ReleaseOfLessThanOneThrowsValueError) {
  const Semaphore permits;
  EXPECT_THROW(permits.release(0), ValueError);
  EXPECT_THROW(permits.release(-1), ValueError);
}

TEST(ThreadBoundedSemaphoreTest, ReleasePastTheInitialValueThrowsValueErrorAndGivesNone) {
  const BoundedSemaphore permits(3);
  EXPECT_THROW(permits.release(), ValueError);
  permits.acquire();
  permits.acquire();
  EXPECT_THROW(permits.release(3), ValueError);
  EXPECT_EQ(permits.get_value(), 1);
  permits.release(2);
  EXPECT_EQ(permits.get_value(), 3);
}

TEST(ThreadEventTest, SetAndClearAreIdempotent) {
  const Event event;
  EXPECT_FALSE(event.is_set());
  event.set();
  event.set();
  EXPECT_TRUE(event.is_set());
  event.clear();
  event.clear();
  EXPECT_FALSE(event.is_set());
}

TEST(ThreadEventTest, SetWakesEveryWaiter) {
  const Event event;
  std::atomic<int> released{0};
  {
    Bunch bunch(5, [&](int) { released += event.wait() && event.wait() ? 1 : 0; });
    test::await([&] { return bunch.started() == 5; });
    EXPECT_EQ(released, 0);
    event.set();
  }
  EXPECT_EQ(released, 5);
}

TEST(ThreadEventTest, WaitersAreReleasedEvenIfClearFollowsSet) {
  const Event event;
  std::atomic<int> waiting{0};
  std::atomic<int> released{0};
  Bunch bunch(5, [&](int) {
    ++waiting;
    released += event.wait() ? 1 : 0;
  });
  test::await([&] { return waiting == 5; });
  while (released < 5) {  // those that wait by now; the others have yet to begin
    event.set();
    event.clear();
    std::this_thread::yield();
  }
  bunch.join();
}

TEST(ThreadEventTest, WaitEndsInTime) {
  const Event event;
  EXPECT_FALSE(event.wait(0s));
  const auto start = Clock::now();
  EXPECT_FALSE(event.wait(50ms));
  EXPECT_GE(Clock::now() - start, 50ms);
  event.set();
  EXPECT_TRUE(event.wait(0s));
}

}  // namespace
}  // namespace multiprocessing::threading
