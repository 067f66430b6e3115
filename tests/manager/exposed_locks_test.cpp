// Locks and their like, used over the wire beside programs that share the manager's memory.

#include <chrono>
#include <mutex>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include <multiprocessing/managers.hpp>

#include "manager/programs.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using test::error_of;
using test::exited;
using test::Programs;
using test::require;

void with_locks(const BaseManager& manager) {
  manager.register_type<Lock>("lock");
  manager.register_type<RLock>("rlock");
  manager.register_type<Semaphore>("semaphore", [semaphore = Semaphore(2)] { return semaphore; });
  manager.register_type<BoundedSemaphore>("bounded");
  manager.register_type<Condition>("condition");
  manager.register_type<Condition>("plain", [condition = Condition(Lock())] { return condition; });
  manager.register_type<Barrier>("barrier", [barrier = Barrier(2)] { return barrier; });
  manager.register_type<Value<int>>("count");
  manager.register_type<Event>("event");
}

TEST(ExposedLocksTest, LockExcludesBothKindsOfPrograms) {
  constexpr int kTurns = 300;
  Programs programs(Programs::some_port());
  programs.serve(with_locks);
  auto apart = programs.start_apart([](const BaseManager& manager) {
    const auto lock = manager.get<Proxy<Lock>>("lock");
    const auto count = manager.get<Proxy<Value<int>>>("count");
    for (int i = 0; i < kTurns; ++i) {
      const std::lock_guard guard(lock);
      count.set(count.get() + 1);
    }
  });
  programs.run([](const BaseManager& manager) {
    const auto lock = manager.get<Lock>("lock");
    const auto count = manager.get<Value<int>>("count");
    for (int i = 0; i < kTurns; ++i) {
      const std::lock_guard guard(lock);
      count.set(count.get() + 1);
    }
  });
  EXPECT_EQ(apart.wait(), exited(0));
  programs.run([](const BaseManager& manager) {
    require(manager.get<Value<int>>("count").get() == 2 * kTurns);
  });
}

TEST(ExposedLocksTest, AcquireGivesUpInTimeAndLockCanBeHandedOver) {
  Programs programs;
  programs.serve(with_locks);
  programs.run_apart([](const BaseManager& manager) {
    const auto lock = manager.get<Proxy<Lock>>("lock");
    require(lock.acquire() && lock.locked());
    require(!lock.acquire(false) && !lock.try_lock());
    const auto start = steady_clock::now();
    require(!lock.acquire(300ms));
    require(steady_clock::now() - start >= 300ms);
    std::thread([&] { lock.release(); }).join();
    require(!lock.locked());
    require(error_of([&] { lock.release(); }).starts_with("ValueError"));
    lock.unlock();
  });
}

TEST(ExposedLocksTest, ClientsDoNotTakeEachOthersLocks) {
  Programs programs;
  programs.serve(with_locks);
  auto holder = programs.start_apart([](const BaseManager& manager) {
    const auto lock = manager.get<Proxy<Lock>>("lock");
    const auto rlock = manager.get<Proxy<RLock>>("rlock");
    require(lock.acquire() && rlock.acquire());
    test::hang_up();
    require(manager.get<Proxy<Event>>("event").wait(20s));
    rlock.release();
    lock.release();
  });
  holder.await_hang_up();
  programs.run_apart([](const BaseManager& manager) {
    const auto rlock = manager.get<Proxy<RLock>>("rlock");
    require(!rlock.acquire(false));
    require(error_of([&] { rlock.release(); }).starts_with("ValueError"));
    std::thread waiter([&] { require(rlock.acquire(20s)); });
    require(!manager.get<Proxy<Lock>>("lock").acquire(100ms));
    manager.get<Proxy<Event>>("event").set();
    waiter.join();
  });
  EXPECT_EQ(holder.wait(), exited(0));
}

// The calls of one thread travel on any of its process's connections.
TEST(ExposedLocksTest, RLockIsHeldByAThreadOfTheClient) {
  Programs programs;
  programs.serve(with_locks);
  programs.run_apart([](const BaseManager& manager) {
    const auto rlock = manager.get<Proxy<RLock>>("rlock");
    const auto event = manager.get<Proxy<Event>>("event");
    std::thread other([&] {
      require(event.wait(20s));
      require(!rlock.acquire(false));
      require(error_of([&] { rlock.release(); }).starts_with("ValueError"));
    });
    require(rlock.acquire() && rlock.acquire());
    event.set();
    other.join();
    rlock.release();
    require(rlock.locked());
    rlock.release();
    require(!rlock.locked());
    std::thread([&] {
      require(rlock.acquire(false));
      rlock.release();
    }).join();
  });
}

TEST(ExposedLocksTest, SemaphoreCountsPermits) {
  Programs programs;
  programs.serve(with_locks);
  programs.run_apart([](const BaseManager& manager) {
    const auto semaphore = manager.get<Proxy<Semaphore>>("semaphore");
    require(semaphore.acquire() && semaphore.get_value() == 1 && semaphore.acquire());
    require(semaphore.locked() && !semaphore.acquire(50ms));
    semaphore.release();
    require(semaphore.get_value() == 1);
    const auto bounded = manager.get<Proxy<BoundedSemaphore>>("bounded");
    require(error_of([&] { bounded.release(); }).starts_with("ValueError"));
    const std::lock_guard guard(bounded);
    require(bounded.get_value() == 0);
  });
}

TEST(ExposedLocksTest, ConditionCarriesNotificationsBothWays) {
  Programs programs;
  programs.serve(with_locks);
  auto apart = programs.start_apart([](const BaseManager& manager) {
    const auto condition = manager.get<Proxy<Condition>>("condition");
    const auto count = manager.get<Proxy<Value<int>>>("count");
    const std::lock_guard guard(condition);
    test::hang_up();
    require(condition.wait_for([&] { return count.get() == 1; }, 20s));
    count.set(2);
    condition.notify_all();
  });
  apart.await_hang_up();
  programs.run([](const BaseManager& manager) {
    const auto condition = manager.get<Condition>("condition");
    const auto count = manager.get<Value<int>>("count");
    const std::lock_guard guard(condition);  // the other one waits by now
    count.set(1);
    condition.notify();
    require(condition.wait_for([&] { return count.get() == 2; }, 20s));
  });
  EXPECT_EQ(apart.wait(), exited(0));
}

TEST(ExposedLocksTest, ConditionAsksForItsLock) {
  Programs programs;
  programs.serve(with_locks);
  programs.run_apart([](const BaseManager& manager) {
    for (const char* const name : {"condition", "plain"}) {
      const auto condition = manager.get<Proxy<Condition>>(name);
      require(error_of([&] { condition.wait(); }).starts_with("ValueError"));
      require(error_of([&] { condition.notify(); }).starts_with("ValueError"));
      condition.acquire();
      require(!condition.wait(50ms));
      require(error_of([&] { condition.notify(); }) == "nothing was thrown");
      condition.release();
      require(error_of([&] { condition.release(); }).starts_with("ValueError"));
    }
  });
}

TEST(ExposedLocksTest, BarrierLetsBothKindsOfProgramsGoOn) {
  Programs programs;
  programs.serve(with_locks);
  auto apart = programs.start_apart([](const BaseManager& manager) {
    const auto barrier = manager.get<Proxy<Barrier>>("barrier");
    require(barrier.parties() == 2);
    for (int i = 0; i < 20; ++i) require(barrier.wait(20s) < 2);
    require(!barrier.broken());
  });
  programs.run([](const BaseManager& manager) {
    const auto barrier = manager.get<Barrier>("barrier");
    for (int i = 0; i < 20; ++i) require(barrier.wait(20s) < 2);
  });
  EXPECT_EQ(apart.wait(), exited(0));
}

TEST(ExposedLocksTest, BarrierBreaksWhenTheTimeIsOver) {
  Programs programs;
  programs.serve(with_locks);
  programs.run_apart([](const BaseManager& manager) {
    const auto barrier = manager.get<Proxy<Barrier>>("barrier");
    require(error_of([&] { barrier.wait(50ms); }).starts_with("BrokenBarrierError"));
    require(barrier.broken());
    barrier.reset();
    require(!barrier.broken() && barrier.n_waiting() == 0);
    barrier.abort();
    require(error_of([&] { barrier.wait(); }).starts_with("BrokenBarrierError"));
  });
}

TEST(ExposedLocksTest, ProxiesOfOneObjectAreEqual) {
  Programs programs;
  programs.serve(with_locks);
  programs.run_apart([](const BaseManager& manager) {
    const auto lock = manager.get<Proxy<Lock>>("lock");
    const auto copy = lock;
    require(lock == copy && !(lock == manager.get<Proxy<Lock>>("lock")));
  });
}

}  // namespace
}  // namespace multiprocessing
