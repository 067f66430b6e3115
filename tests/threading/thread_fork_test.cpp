// What a forked child finds of its parent's threads, locks and queues.

#include <multiprocessing/process.hpp>
#include <multiprocessing/queue.hpp>
#include <multiprocessing/threading.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>

#include <gtest/gtest.h>
#include <unistd.h>

#include "process/gate.hpp"
#include "support/child.hpp"
#include "support/until.hpp"

namespace multiprocessing::threading {
namespace {

using namespace std::chrono_literals;
using test::Child;
using test::require;

/// Another thread of this process that does something and then stays.
class Other {
 public:
  explicit Other(const std::function<void()>& f)
      : thread_([this, f] {
          f();
          ready_.set();
          leave_.wait();
        }) {
    thread_.start();
    ready_.wait();
  }
  Other(const Other&) = delete;
  Other& operator=(const Other&) = delete;
  ~Other() {
    leave_.set();
    thread_.join();
  }
  [[nodiscard]] const Thread& thread() const { return thread_; }

 private:
  Event ready_;
  Event leave_;
  Thread thread_;
};

test::Status in_child(const std::function<void()>& body) {
  return Child::run(body).wait();
}

template <class L>
class ForkedLockTest : public testing::Test {};
using Locks = testing::Types<Lock, RLock>;
TYPED_TEST_SUITE(ForkedLockTest, Locks);

TYPED_TEST(ForkedLockTest, WhatTheForkingThreadHeldItHoldsInTheChild) {
  const TypeParam lock;
  lock.acquire();
  EXPECT_EQ(in_child([&] {
              require(lock.locked());
              bool taken = true;
              Thread other([&] { taken = lock.acquire(10ms); });
              other.start();
              other.join();
              require(!taken);
              lock.release();
              require(!lock.locked());
            }),
            test::exited(0));
  EXPECT_TRUE(lock.locked()) << "the child's was a copy";
  lock.release();
}

TYPED_TEST(ForkedLockTest, WhatAnotherThreadHeldIsToldOnceAndFree) {
  const TypeParam lock;
  const Other holder([&] { lock.acquire(); });
  EXPECT_EQ(in_child([&] {
              const pid_t parent = ::getppid();
              try {
                lock.acquire();
                require(false);
              } catch (const LockOwnerDied& error) {
                require(error.pid() == parent);
              }
              require(lock.acquire(false));
            }),
            test::exited(0));
}

TYPED_TEST(ForkedLockTest, FreeLockIsFreeInTheChildOfTheChild) {
  const TypeParam lock;
  lock.acquire();
  lock.release();
  EXPECT_EQ(in_child([&] {
              require(lock.acquire(false));
              require(in_child([&] {
                        require(lock.locked());
                        lock.release();
                        require(lock.acquire(false));
                      }) == test::exited(0));
            }),
            test::exited(0));
}

TEST(ForkedThreadTest, OnlyTheForkingThreadIsKnown) {
  const Other other([] {});
  EXPECT_GE(active_count(), 2);
  EXPECT_EQ(in_child([&] {
              require(active_count() == 1);
              require(current_thread() == main_thread());
              require(main_thread().native_id() == ::getpid());
              require(!other.thread().is_alive());
              require(other.thread().join());
            }),
            test::exited(0));
  EXPECT_TRUE(other.thread().is_alive());
}

TEST(ForkedThreadTest, ForkingThreadIsTheMainOneInTheChild) {
  test::Status status = test::exited(1);
  Thread forking(ThreadOptions{.name = "forking"}, [&] {
    status = in_child([] {
      require(current_thread() == main_thread());
      require(main_thread().name() == "forking");
    });
  });
  forking.start();
  forking.join();
  EXPECT_EQ(status, test::exited(0));
}

TEST(ForkedThreadTest, ThreadMadeBeforeTheForkCanBeStartedInTheChild) {
  bool ran = false;
  Thread thread([&ran] { ran = true; });
  EXPECT_EQ(in_child([&] {
              thread.start();
              require(thread.join());
              require(ran);
            }),
            test::exited(0));
}

TEST(ForkedConditionTest, NotificationInTheChildGoesToWhoWaitsThere) {
  const Condition condition;
  bool ready = false;
  const Event waiting;
  const Other other([] {});
  Thread waiter(ThreadOptions{.daemon = true}, [&] {
    const std::lock_guard guard(condition);
    waiting.set();
    condition.wait_for([&] { return ready; });
  });
  waiter.start();
  waiting.wait();
  condition.acquire();  // so it waits by now
  condition.release();
  EXPECT_EQ(in_child([&] {
              Thread here([&] {
                const std::lock_guard guard(condition);
                waiting.set();
                require(condition.wait_for([&] { return ready; }));
              });
              waiting.clear();
              here.start();
              waiting.wait();
              {
                const std::lock_guard guard(condition);
                ready = true;
                condition.notify();
              }
              here.join();
            }),
            test::exited(0));
  {
    const std::lock_guard guard(condition);
    ready = true;
    condition.notify_all();
  }
  waiter.join();  // before what it uses goes
}

TEST(ForkedBarrierTest, PartiesOfTheParentDoNotCountInTheChild) {
  const Barrier barrier(2);
  Thread party([&] { barrier.wait(); });
  party.start();
  test::until([&] { return barrier.n_waiting() == 1; });
  EXPECT_EQ(in_child([&] {
              Thread first([&] { barrier.wait(); });
              first.start();
              barrier.wait();
              first.join();
            }),
            test::exited(0));
  barrier.wait();
  party.join();
}

TEST(ForkedQueueTest, ChildHasACopyOfWhatIsInTheQueue) {
  const queue::Queue<int> q;
  const queue::PriorityQueue<int> sorted;
  const Other getter([] {});
  for (const int item : {3, 1, 2}) {
    q.put(item);
    sorted.put(item);
  }
  EXPECT_EQ(in_child([&] {
              for (const int item : {3, 1, 2}) require(q.get() == item);
              for (const int item : {1, 2, 3}) require(sorted.get() == item);
              q.put(9);
              require(q.get() == 9);
            }),
            test::exited(0));
  EXPECT_EQ(q.qsize(), 3U);
}

TEST(ForkedQueueTest, NoItemIsThereTwiceWhateverAnotherThreadWasDoing) {
  constexpr std::uint32_t kItems = 500;
  const auto nth = [](std::uint32_t n) { return n * 2654435761U; };  // odd: all are different
  const queue::PriorityQueue<std::uint32_t> sorted;
  for (std::uint32_t n = 0; n < kItems; ++n) sorted.put(nth(n));
  std::atomic<bool> stop{false};
  Thread churner([&] {
    for (std::uint32_t n = kItems; !stop; ++n) {
      (void)sorted.get();
      sorted.put(nth(n));
    }
  });
  churner.start();
  for (int round = 0; round < 100; ++round) {
    ASSERT_EQ(in_child([&] {
                std::optional<std::uint32_t> last;
                std::uint32_t count = 0;
                for (; sorted.qsize() != 0; ++count) {
                  const std::uint32_t item = sorted.get();
                  require(!last || item > *last);
                  last = item;
                }
                require(count == kItems || count == kItems - 1);  // one may be on its way
              }),
              test::exited(0))
        << "round " << round;
  }
  stop = true;
  churner.join();
}

}  // namespace
}  // namespace multiprocessing::threading
