// Condition of one process; the names follow Python's lock_tests.

#include <multiprocessing/threading.hpp>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <vector>

#include <gtest/gtest.h>

#include "threading/bunch.hpp"

namespace multiprocessing::threading {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using test::Bunch;

TEST(ThreadConditionTest, ItsOwnLockIsRecursiveAndAGivenOneIsUsed) {
  const Condition own;
  own.acquire();
  EXPECT_TRUE(own.acquire(false));

  const Lock lock;
  const Condition given(lock);
  given.acquire();
  EXPECT_TRUE(lock.locked());
  EXPECT_FALSE(given.acquire(false));
  given.release();
  EXPECT_FALSE(given.locked());
}

TEST(ThreadConditionTest, WaitAndNotifyWithoutTheLockThrowValueError) {
  const Condition condition;
  EXPECT_THROW(condition.wait(), ValueError);
  EXPECT_THROW(condition.notify(), ValueError);
  EXPECT_THROW(condition.notify_all(), ValueError);
}

/// Threads that wait in a known order and say what became of it.
class Waiters {
 public:
  explicit Waiters(int n)
      : bunch_(n, [this](int) {
          const std::lock_guard guard(condition_);
          const int turn = waiting_++;
          const bool notified = condition_.wait();
          ended_.push_back(notified ? turn : -1);
        }) {
    until_waiting(n);
  }

  void notify(int n) {
    const std::lock_guard guard(condition_);
    condition_.notify(n);
  }
  void notify_all() {
    const std::lock_guard guard(condition_);
    condition_.notify_all();
  }
  std::vector<int> ended(std::size_t n) {
    test::await([&] {
      const std::lock_guard guard(condition_);
      return ended_.size() >= n;
    });
    (void)quiet_.wait(20ms);  // one too many would have come by now
    const std::lock_guard guard(condition_);
    std::vector<int> sorted = ended_;
    std::ranges::sort(sorted);
    return sorted;
  }

 private:
  void until_waiting(int n) {
    test::await([&] {  // who holds the lock finds each of them before or in wait
      const std::lock_guard guard(condition_);
      return waiting_ == n;
    });
  }

  Condition condition_;
  Event quiet_;
  int waiting_ = 0;
  std::vector<int> ended_;
  Bunch bunch_;
};

TEST(ThreadConditionTest, NotifyWakesAsManyAsItSaysAndTheFirstComeFirst) {
  Waiters waiters(10);

  waiters.notify(3);
  EXPECT_EQ(waiters.ended(3), (std::vector{0, 1, 2}));

  waiters.notify(5);
  EXPECT_EQ(waiters.ended(8), (std::vector{0, 1, 2, 3, 4, 5, 6, 7}));

  waiters.notify_all();
  EXPECT_EQ(waiters.ended(10), (std::vector{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
}

TEST(ThreadConditionTest, WaitEndsInTimeHoldingTheLockAsOftenAsBefore) {
  const Condition condition;
  condition.acquire();
  condition.acquire();
  const auto start = Clock::now();

  EXPECT_FALSE(condition.wait(50ms));

  EXPECT_GE(Clock::now() - start, 50ms);
  condition.release();
  EXPECT_TRUE(condition.locked());
  condition.release();
  EXPECT_FALSE(condition.locked());
}

TEST(ThreadConditionTest, NotificationIsNotLostWhenAnEarlierWaiterGivesUp) {
  const Condition condition;
  Bunch impatient(1, [&](int) {
    const std::lock_guard guard(condition);
    EXPECT_FALSE(condition.wait(1ms));
  });
  impatient.join();
  bool ready = false;
  Bunch patient(1, [&](int) {
    const std::lock_guard guard(condition);
    EXPECT_TRUE(condition.wait_for([&] { return ready; }));
  });
  const std::lock_guard guard(condition);
  ready = true;
  condition.notify();
}

TEST(ThreadConditionTest, WaitForReturnsWhatThePredicateSaysLast) {
  const Condition condition;
  int state = 0;
  Bunch steps(1, [&](int) {
    for (int i = 0; i < 4; ++i) {
      const std::lock_guard guard(condition);
      ++state;
      condition.notify();
    }
  });
  const std::lock_guard guard(condition);

  EXPECT_TRUE(condition.wait_for([&] { return state == 4; }));

  const auto start = Clock::now();
  EXPECT_FALSE(condition.wait_for([&] { return state == 5; }, 30ms));
  EXPECT_GE(Clock::now() - start, 30ms);
}

}  // namespace
}  // namespace multiprocessing::threading
