// Lock and RLock between processes that live; lock_death_process_test.cpp has those that die.

#include <multiprocessing/synchronize.hpp>

#include <chrono>
#include <mutex>
#include <vector>

#include <gtest/gtest.h>

#include "support/child.hpp"
#include "support/fd_snapshot.hpp"
#include "support/shared.hpp"
#include "sync/lock_support.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;

class LockProcessTest : public testing::Test {
 protected:
  ~LockProcessTest() override { EXPECT_EQ(test::FdSnapshot(), before_); }

  const Lock lock_;  // made first: the library's first use opens what stays open
  test::FdSnapshot before_;
};

template <class L>
long count_with(const L& lock, int processes, int rounds) {
  const test::Shared<long> counter(0);  // plain: the lock guards it
  std::vector<test::Child> children;
  children.reserve(static_cast<std::size_t>(processes));
  for (int i = 0; i < processes; ++i) {
    children.push_back(test::Child::run([&] {
      for (int n = 0; n < rounds; ++n) {
        const std::lock_guard guard(lock);
        ++*counter;
      }
    }));
  }
  for (test::Child& child : children) EXPECT_EQ(child.wait(), test::exited(0));
  return *counter;
}

TEST_F(LockProcessTest, CountsOfFourProcessesAreExact) {
  EXPECT_EQ(count_with(lock_, 4, 50'000), 200'000);
}

TEST_F(LockProcessTest, CountsUnderARecursiveLockAreExact) {
  EXPECT_EQ(count_with(RLock(), 4, 50'000), 200'000);
}

TEST_F(LockProcessTest, AnotherProcessMayRelease) {
  ASSERT_TRUE(lock_.acquire());

  auto child = test::Child::run([&] {
    test::require(lock_.locked());
    test::require(!lock_.acquire(false));
    lock_.release();
  });

  ASSERT_EQ(child.wait(), test::exited(0));
  EXPECT_TRUE(lock_.acquire(false));
}

TEST_F(LockProcessTest, ReleaseWakesASleeperInAnotherProcess) {
  ASSERT_TRUE(lock_.acquire());
  auto child = test::Child::run([&] {
    test::require(lock_.acquire());
    lock_.release();
  });
  test::await_waiter(lock_);

  lock_.release();

  EXPECT_EQ(child.wait(), test::exited(0));
}

TEST_F(LockProcessTest, ForkedChildHoldsNothingThatItsParentHolds) {
  const RLock lock;
  ASSERT_TRUE(lock.acquire());

  auto child = test::Child::run([&] {
    test::require(lock.locked());
    test::require(!lock.acquire(false));
    try {
      lock.release();
    } catch (const ValueError&) {
      return;
    }
    test::require(false);
  });

  EXPECT_EQ(child.wait(), test::exited(0));
  lock.release();
  EXPECT_FALSE(lock.locked());
}

TEST_F(LockProcessTest, LockedIsSeenByBothProcesses) {
  const RLock lock;
  const Event checked;
  auto child = test::Child::run([&] {
    test::require(lock.acquire() && lock.acquire());
    test::hang_up();
    test::require(checked.wait());
    lock.release();
    test::require(lock.locked());
    lock.release();
  });
  child.await_hang_up();

  EXPECT_TRUE(lock.locked());
  checked.set();

  EXPECT_EQ(child.wait(), test::exited(0));
  EXPECT_FALSE(lock.locked());
}

TEST_F(LockProcessTest, LockMadeByAChildIsGoneWithIt) {
  const test::Shared<std::uint64_t> id(std::uint64_t{0});
  auto child = test::Child::run([&] {
    const Lock lock;
    *id = lock.handle_id().value;
    test::hang_up_and_wait();
  });
  child.await_hang_up();
  child.kill(SIGKILL);
  child.wait();
  test::await([] { return shm::bury_the_dead() == 0; });

  EXPECT_THROW(Lock::from_handle_id({*id}), ValueError);
}

TEST_F(LockProcessTest, SleeperThatGivesUpLeavesTheOthersTheirWakeUp) {
  for (int round = 0; round < 20; ++round) {
    ASSERT_TRUE(lock_.acquire());
    auto impatient = test::Child::run([&] {
      if (lock_.acquire(std::chrono::milliseconds(1))) lock_.release();
    });
    auto patient = test::Child::run([&] {
      test::require(lock_.acquire(1h));
      lock_.release();
    });
    test::await_waiter(lock_);
    lock_.release();

    ASSERT_EQ(patient.wait(), test::exited(0));
    ASSERT_EQ(impatient.wait(), test::exited(0));
  }
}

}  // namespace
}  // namespace multiprocessing
