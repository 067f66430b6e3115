// What the death of a client, or of the manager, leaves of what was used over the wire; the points
// are in tests/chaos/exposed_chaos_test.cpp.

#include <pthread.h>

#include <chrono>
#include <csignal>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include <multiprocessing/logging.hpp>
#include <multiprocessing/managers.hpp>
#include <multiprocessing/signals.hpp>

#include "manager/programs.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using test::error_of;
using test::exited;
using test::Programs;
using test::require;

void with_locks(const BaseManager& manager) {
  manager.register_type<Lock>("lock");
  manager.register_type<Lock>("silent", [lock = Lock(Recovery::silent)] { return lock; });
  manager.register_type<Lock>("hold", [lock = Lock(Recovery::hold)] { return lock; });
  manager.register_type<RLock>("rlock");
  manager.register_type<Semaphore>("semaphore");
  manager.register_type<Condition>("condition");
  manager.register_type<Barrier>("barrier", [barrier = Barrier(3)] { return barrier; });
  manager.register_type<Queue<int>>("queue");
  manager.register_type<Event>("event");
}

/// A client over the wire that does `body`, and is killed when it has.
int kill_after(const Programs& programs, const test::WithManager& body) {
  auto victim = programs.start_apart([&](const BaseManager& manager) {
    body(manager);
    test::hang_up_and_wait();
  });
  victim.await_hang_up();
  const int pid = victim.pid();
  victim.kill(SIGKILL);
  EXPECT_EQ(victim.wait(), test::killed_by(SIGKILL));
  return pid;
}

/// A client over the wire that is killed in a call, which another program's `seen` has noticed.
void kill_in(const Programs& programs, const test::WithManager& call,
             const test::WithManager& seen) {
  auto victim = programs.start_apart([&](const BaseManager& manager) {
    test::hang_up();
    call(manager);
    require(false);
  });
  victim.await_hang_up();
  programs.run(seen);
  victim.kill(SIGKILL);
  EXPECT_EQ(victim.wait(), test::killed_by(SIGKILL));
}

TEST(ExposedDeathTest, LockOfADeadClientIsReportedWithItsPid) {
  Programs programs;
  programs.serve(with_locks);
  const int pid = kill_after(programs, [](const BaseManager& manager) {
    require(manager.get<Proxy<Lock>>("lock").acquire());
    require(manager.get<Proxy<RLock>>("rlock").acquire());
    require(manager.get<Proxy<Condition>>("condition").acquire());
  });
  programs.run([pid](const BaseManager& manager) {
    const auto lock = manager.get<Lock>("lock");
    try {
      lock.acquire(20s);
      require(false);
    } catch (const LockOwnerDied& error) {
      require(error.pid() == pid);
    }
    require(lock.acquire(1s));
    const auto rlock = manager.get<RLock>("rlock");
    require(error_of([&] { rlock.acquire(20s); }).starts_with("LockOwnerDied"));
    require(rlock.acquire(1s));
  });
  programs.run_apart([](const BaseManager& manager) {
    const auto condition = manager.get<Proxy<Condition>>("condition");
    require(error_of([&] { condition.acquire(20s); }).starts_with("LockOwnerDied"));
    require(condition.acquire(1s));
  });
}

TEST(ExposedDeathTest, RecoveryOfTheLockIsRespected) {
  Programs programs;
  programs.serve(with_locks);
  const auto hold_both = [](const BaseManager& manager) {
    require(manager.get<Proxy<Lock>>("silent").acquire(20s));
    require(manager.get<Proxy<Lock>>("hold").acquire(20s));
  };
  kill_after(programs, hold_both);
  programs.run([](const BaseManager& manager) {
    const auto silent = manager.get<Lock>("silent");
    require(silent.acquire(20s));
    silent.release();
    const auto hold = manager.get<Lock>("hold");
    require(hold.acquire(20s) && hold.owner_died());
    hold.release();
  });
  kill_after(programs, hold_both);
  programs.run_apart([](const BaseManager& manager) {
    const auto hold = manager.get<Proxy<Lock>>("hold");
    require(hold.acquire(20s) && hold.owner_died());
    hold.release();
    require(!hold.owner_died());
  });
}

TEST(ExposedDeathTest, WaiterIsToldWhenAnotherClientDiesHolding) {
  Programs programs;
  programs.serve(with_locks);
  auto holder = programs.start_apart([](const BaseManager& manager) {
    const auto lock = manager.get<Proxy<Lock>>("lock");
    require(lock.acquire());
    test::hang_up_and_wait();
  });
  holder.await_hang_up();
  auto waiter = programs.start_apart([](const BaseManager& manager) {
    const auto lock = manager.get<Proxy<Lock>>("lock");
    test::hang_up();
    require(error_of([&] { lock.acquire(20s); }).starts_with("LockOwnerDied"));
  });
  waiter.await_hang_up();
  holder.kill(SIGKILL);
  EXPECT_EQ(waiter.wait(), exited(0));
}

TEST(ExposedDeathTest, ClientThatDiesInAcquireTakesNothing) {
  Programs programs;
  programs.serve(with_locks);
  auto holder = programs.start([](const BaseManager& manager) {
    const auto lock = manager.get<Lock>("lock");
    const auto semaphore = manager.get<Semaphore>("semaphore");
    require(lock.acquire() && semaphore.acquire());
    test::hang_up();
    require(manager.get<Event>("event").wait(20s));
    lock.release();
    semaphore.release();
  });
  holder.await_hang_up();
  kill_after(programs, [](const BaseManager& manager) {
    static std::thread a([=] { manager.get<Proxy<Lock>>("lock").acquire(); });
    static std::thread b([=] { manager.get<Proxy<Semaphore>>("semaphore").acquire(); });
  });
  programs.run([](const BaseManager& manager) { manager.get<Event>("event").set(); });
  EXPECT_EQ(holder.wait(), exited(0));
  programs.run([](const BaseManager& manager) {
    require(manager.get<Lock>("lock").acquire(20s));
    require(manager.get<Semaphore>("semaphore").acquire(20s));
  });
}

TEST(ExposedDeathTest, ClientThatDiesInWaitOfAConditionHoldsNothing) {
  Programs programs;
  programs.serve(with_locks);
  kill_in(
      programs,
      [](const BaseManager& manager) {
        const auto condition = manager.get<Proxy<Condition>>("condition");
        condition.acquire();
        manager.get<Proxy<Event>>("event").set();
        condition.wait();
      },
      [](const BaseManager& manager) {
        require(manager.get<Event>("event").wait(20s));
        // Whoever has its lock now: the client waits.
        const auto condition = manager.get<Condition>("condition");
        const std::lock_guard guard(condition);
      });
  programs.run([](const BaseManager& manager) {
    const auto condition = manager.get<Condition>("condition");
    for (int i = 0; i < 3; ++i) {
      require(condition.acquire(20s));
      condition.notify_all();
      condition.release();
    }
  });
}

TEST(ExposedDeathTest, ClientThatDiesAtABarrierBreaksIt) {
  Programs programs;
  programs.serve(with_locks);
  kill_in(
      programs, [](const BaseManager& manager) { manager.get<Proxy<Barrier>>("barrier").wait(); },
      [](const BaseManager& manager) {
        while (manager.get<Barrier>("barrier").n_waiting() == 0) std::this_thread::yield();
      });
  programs.run([](const BaseManager& manager) {
    require(error_of([&] {
              manager.get<Barrier>("barrier").wait();
            }).starts_with("BrokenBarrierError"));
  });
}

TEST(ExposedDeathTest, CallsThatWaitEndWithTheManager) {
  Programs programs;
  auto& server = programs.serve(with_locks);
  auto client = programs.start_apart([](const BaseManager& manager) {
    const auto lock = manager.get<Proxy<Lock>>("lock");
    const auto queue = manager.get<Proxy<Queue<int>>>("queue");
    const auto barrier = manager.get<Proxy<Barrier>>("barrier");
    const auto condition = manager.get<Proxy<Condition>>("condition");
    require(lock.acquire());
    const auto ends = [](const auto& call) {
      return std::thread(
          [call] { require(error_of(call).starts_with("EOFError: the manager at ")); });
    };
    std::thread threads[] = {ends([=] { lock.acquire(); }),
                             ends([=] { static_cast<void>(queue.get(20s)); }),
                             ends([=] { barrier.wait(); }), ends([=] {
                               condition.acquire();
                               condition.wait();
                             })};
    while (barrier.n_waiting() == 0) std::this_thread::yield();
    test::hang_up();
    for (auto& thread : threads) thread.join();
    lock.unlock();
  });
  client.await_hang_up();
  server.kill(SIGKILL);
  EXPECT_EQ(client.wait(), exited(0));
}

TEST(ExposedDeathTest, CallAfterTheManagersDeathSaysSo) {
  Programs programs;
  const pid_t server = programs.serve(with_locks).pid();
  programs.run_apart([server](const BaseManager& manager) {
    const auto event = manager.get<Proxy<Event>>("event");
    ::kill(server, SIGKILL);
    std::string error;
    while (error.empty()) error = error_of([&] { event.set(); });  // with the connection there is
    require(error.starts_with("EOFError: the manager at "));
    require(error_of([&] { event.set(); }).starts_with("EOFError: the manager at "));
  });
}

TEST(ExposedDeathTest, LockOfAClientIsReportedWhenTheManagerDies) {
  Programs programs;
  auto& server = programs.serve(with_locks);
  auto client = programs.start_apart([](const BaseManager& manager) {
    require(manager.get<Proxy<Lock>>("lock").acquire());
    test::hang_up_and_wait();
  });
  client.await_hang_up();
  programs.run([&](const BaseManager& manager) {
    const auto lock = manager.get<Lock>("lock");
    require(!lock.acquire(false));
    server.kill(SIGKILL);
    require(error_of([&] { lock.acquire(20s); }).starts_with("LockOwnerDied"));
    require(lock.acquire(1s));
  });
}

TEST(ExposedDeathTest, ManagerThatWasStoppedIsSaidNotToAnswer) {
  Programs programs;
  auto& server = programs.serve(with_locks);
  auto client = programs.start_apart([&](const BaseManager& manager) {
    const auto queue = manager.get<Proxy<Queue<int>>>("queue");
    const auto lock = manager.get<Proxy<Lock>>("lock");
    server.kill(SIGSTOP);
    const std::string error = error_of([&] { static_cast<void>(queue.get(10ms)); });
    require(error.starts_with("TimeoutError: the manager at "));
    require(error_of([&] { lock.acquire(10ms); }).starts_with("TimeoutError"));
    server.kill(SIGCONT);
    require(lock.acquire(20s));  // what the broken-off call took was given back
    queue.put(1);
    require(queue.get(20s) == 1);
  });
  EXPECT_EQ(client.wait(), exited(0));
}

TEST(ExposedDeathTest, WaitThatASignalBreaksOffTakesNothing) {
  Programs programs;
  programs.serve(with_locks);
  auto holder = programs.start([](const BaseManager& manager) {
    const auto lock = manager.get<Lock>("lock");
    lock.acquire();
    test::hang_up();
    require(manager.get<Event>("event").wait(20s));
    lock.release();
    require(manager.get<Queue<int>>("queue").get(20s) == 1);
    require(lock.acquire(20s));
  });
  holder.await_hang_up();
  programs.run_apart([](const BaseManager& manager) {
    raise_on_signal();
    const auto lock = manager.get<Proxy<Lock>>("lock");
    const pthread_t here = ::pthread_self();
    std::thread([here] { ::pthread_kill(here, SIGINT); }).join();
    require(error_of([&] { lock.acquire(); }).starts_with("KeyboardInterrupt"));
    manager.get<Proxy<Event>>("event").set();
    require(lock.acquire(20s));
    lock.release();
    manager.get<Proxy<Queue<int>>>("queue").put(1);
  });
  EXPECT_EQ(holder.wait(), exited(0));
}

TEST(ExposedDeathTest, NameOfAClientGoesWithIt) {
  Programs programs;
  programs.serve(with_locks);
  for (int i = 0; i < 20; ++i) {
    kill_after(programs, [](const BaseManager& manager) {
      require(manager.get<Proxy<Lock>>("silent").acquire(20s));
    });
  }
  programs.run([](const BaseManager& manager) {
    require(manager.get<Lock>("silent").acquire(20s));
    std::ostringstream state;
    dump_state(state);
    require(state.str().find("client with pid") == std::string::npos);
  });
}

}  // namespace
}  // namespace multiprocessing
