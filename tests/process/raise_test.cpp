// raise_on_signal: every blocking call of the main thread ends by KeyboardInterrupt, loses nothing,
// and does not sleep over a signal that came before it slept.

#include <multiprocessing/process.hpp>
#include <multiprocessing/queues.hpp>
#include <multiprocessing/signals.hpp>
#include <multiprocessing/synchronize.hpp>

#include <unistd.h>

#include <csignal>
#include <functional>
#include <ostream>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "process/gate.hpp"
#include "support/child.hpp"
#include "sys/calls.hpp"
#include "sys/proc_stat.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using test::Gate;
using test::in_a_program;
using test::require;
using test::sleep_for_ever;

// The signal that ended the call; 0 if it returned.
int interrupted(const std::function<void()>& call) {
  try {
    call();
  } catch (const KeyboardInterrupt& error) {
    return error.signum();
  }
  return 0;
}

// Blocks for ever in each kind of wait, by name.
struct Blocking {
  const char* name;
  void (*prepare_and_wait)(const std::function<void()>& about_to_wait);
};

void join_a_process(const std::function<void()>& about_to_wait) {
  Process process({.daemon = true}, sleep_for_ever);
  process.start();
  about_to_wait();
  const int signal = interrupted([&] { process.join(); });
  process.kill();
  require(process.join() && signal == SIGINT);
}
void wait_for_an_event(const std::function<void()>& about_to_wait) {
  const Event event;
  about_to_wait();
  require(interrupted([&] { event.wait(); }) == SIGINT);
  event.set();
  require(event.wait());
}
void acquire_a_lock(const std::function<void()>& about_to_wait) {
  const Lock lock;
  require(lock.acquire());
  about_to_wait();
  require(interrupted([&] { lock.acquire(); }) == SIGINT);
  lock.release();
  require(lock.acquire(Timeout::zero()));
}
void acquire_a_semaphore(const std::function<void()>& about_to_wait) {
  const Semaphore semaphore(0);
  about_to_wait();
  require(interrupted([&] { semaphore.acquire(); }) == SIGINT);
  semaphore.release();
  require(semaphore.acquire(Timeout::zero()));
}
void wait_for_a_condition(const std::function<void()>& about_to_wait) {
  const Condition condition;
  condition.acquire();
  about_to_wait();
  require(interrupted([&] { condition.wait(); }) == SIGINT);
  condition.release();  // it was held
}
void wait_at_a_barrier(const std::function<void()>& about_to_wait) {
  const Barrier barrier(2);
  about_to_wait();
  require(interrupted([&] { barrier.wait(); }) == SIGINT);
  require(barrier.broken());
}
void get_from_a_queue(const std::function<void()>& about_to_wait) {
  const Queue<int> queue;
  about_to_wait();
  require(interrupted([&] { (void)queue.get(); }) == SIGINT);
  queue.put(7);
  require(queue.get(Timeout::zero()) == 7);
}
void put_into_a_full_queue(const std::function<void()>& about_to_wait) {
  const Queue<int> queue(1);
  queue.put(1);
  about_to_wait();
  require(interrupted([&] { queue.put(2); }) == SIGINT);
  require(queue.get() == 1 && queue.empty());
}
void wait_for_the_parent(const std::function<void()>& about_to_wait) {
  Process process([&] {
    raise_on_signal();
    about_to_wait();
    require(interrupted([&] { parent_process()->join(); }) == SIGINT);
  });
  process.start();
  require(process.join() && process.exitcode() == 0);
}

void PrintTo(const Blocking& blocking, std::ostream* out) {
  *out << blocking.name;
}

class RaiseOnSignalTest : public testing::TestWithParam<Blocking> {};

// What lies between the last look at the flag and the system call is no longer than this: the
// signal is there when the wait begins. A wait that slept over it would never end.
TEST_P(RaiseOnSignalTest, SignalThatCameBeforeTheWaitEndsIt) {
  const test::Status status = in_a_program([&] {
    raise_on_signal();
    GetParam().prepare_and_wait([] { require(std::raise(SIGINT) == 0); });
  });

  EXPECT_EQ(status, test::exited(0));
}

TEST_P(RaiseOnSignalTest, SignalThatComesDuringTheWaitEndsIt) {
  const test::Status status = in_a_program([&] {
    raise_on_signal();
    auto sender = test::Child::run([] {});
    GetParam().prepare_and_wait([&] {
      const pid_t me = ::getpid();
      sender = test::Child::run([me] {
        for (sys::ProcStat stat; stat.read(me) && stat.letter(sys::ProcStat::state) != 'S';) {
        }
        require(::kill(me, SIGINT) == 0);
      });
    });
    sender.wait();
  });

  EXPECT_EQ(status, test::exited(0));
}

INSTANTIATE_TEST_SUITE_P(Waits, RaiseOnSignalTest,
                         testing::Values(Blocking{"ProcessJoin", join_a_process},
                                         Blocking{"EventWait", wait_for_an_event},
                                         Blocking{"LockAcquire", acquire_a_lock},
                                         Blocking{"SemaphoreAcquire", acquire_a_semaphore},
                                         Blocking{"ConditionWait", wait_for_a_condition},
                                         Blocking{"BarrierWait", wait_at_a_barrier},
                                         Blocking{"QueueGet", get_from_a_queue},
                                         Blocking{"QueuePut", put_into_a_full_queue},
                                         Blocking{"ParentJoin", wait_for_the_parent}),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(RaiseOnSignalOnceTest, SignalForAnotherThreadInterruptsTheMainOne) {
  const test::Status status = in_a_program([] {
    raise_on_signal();
    std::thread other([] { require(::pthread_kill(::pthread_self(), SIGINT) == 0); });
    const Event event;
    require(interrupted([&] { event.wait(); }) == SIGINT);
    other.join();
  });

  EXPECT_EQ(status, test::exited(0));
}

TEST(RaiseOnSignalOnceTest, OtherThreadsWaitOn) {
  const test::Status status = in_a_program([] {
    raise_on_signal();
    const Event event;
    std::thread other([&] { require(event.wait()); });
    require(std::raise(SIGINT) == 0);
    require(interrupted([] { Event().wait(); }) == SIGINT);
    event.set();
    other.join();
  });

  EXPECT_EQ(status, test::exited(0));
}

TEST(RaiseOnSignalOnceTest, EachOfSeveralSignalsIsThrownOnce) {
  const test::Status status = in_a_program([] {
    raise_on_signal({SIGINT, SIGTERM, SIGUSR1});
    for (const int signal : {SIGTERM, SIGINT}) require(std::raise(signal) == 0);
    const Event event;
    const int first = interrupted([&] { event.wait(); });
    const int second = interrupted([&] { event.wait(); });
    require(first + second == SIGINT + SIGTERM && first != second);
    require(!event.wait(1ms));
  });

  EXPECT_EQ(status, test::exited(0));
}

TEST(RaiseOnSignalOnceTest, CallThatNeedNotWaitGoesThrough) {
  const test::Status status = in_a_program([] {
    raise_on_signal();
    require(std::raise(SIGINT) == 0);
    const Queue<int> queue;
    queue.put(5);
    require(queue.get() == 5 && Lock().acquire());
    require(interrupted([&] { (void)queue.get(); }) == SIGINT);
  });

  EXPECT_EQ(status, test::exited(0));
}

TEST(RaiseOnSignalOnceTest, OldKernelIsInterruptedToo) {
  const test::Status status = in_a_program([] {
    const sys::ScopedCall missing(&sys::Calls::futex_waitv,
                                  [](sys::FutexWaiter*, unsigned, const std::timespec*) {
                                    errno = ENOSYS;
                                    return -1L;
                                  });
    raise_on_signal();
    wait_for_an_event([] { require(std::raise(SIGINT) == 0); });
    require(!Event().wait(1ms));
    get_from_a_queue([] { require(std::raise(SIGINT) == 0); });
  });

  EXPECT_EQ(status, test::exited(0));
}

// No item is lost or doubled by signals at any moment.
TEST(RaiseOnSignalOnceTest, ItemsSurviveAStormOfSignals) {
  const test::Status status = in_a_program([] {
    raise_on_signal({SIGUSR1});
    const Queue<int> queue;
    const pid_t me = ::getpid();
    Process producer([&] {
      for (int i = 0; i < 2000; ++i) {
        queue.put(i);
        if (i % 8 == 0) ::sched_yield();
      }
      queue.put(-1);
    });
    auto sender = test::Child::run([me] {
      for (;;) {
        ::kill(me, SIGUSR1);
        ::usleep(50);  // many signals, not one that stays pending
      }
    });
    producer.start();
    int next = 0;
    for (bool done = false; !done;) {
      (void)interrupted([&] {
        const int item = queue.get();
        done = item == -1;
        require(done || item == next++);
      });
    }
    sender.kill(SIGKILL);
    require(next == 2000);
    while (interrupted([&] { producer.join(); }) != 0) {
    }
  });

  EXPECT_EQ(status, test::exited(0));
}

TEST(RaiseOnSignalOnceTest, UncaughtItEndsAChildWithOne) {
  Process process([] {
    test::silence(STDERR_FILENO);
    raise_on_signal();
    require(std::raise(SIGINT) == 0);
    Event().wait();
  });
  process.start();
  process.join();

  EXPECT_EQ(process.exitcode(), 1);
}

// _TestProcess.test_interrupt
TEST(RaiseOnSignalOnceTest, InterruptOfAChildThatAskedForItIsACaughtException) {
  Gate ready;
  Process process([&] {
    raise_on_signal();
    ready.open();
    if (interrupted([] { Event().wait(); }) == SIGINT) throw SystemExit{42};
  });
  process.start();
  ready.pass();

  process.interrupt();

  EXPECT_TRUE(process.join());
  EXPECT_EQ(process.exitcode(), 42);
}

TEST(RaiseOnSignalOnceTest, ChildOfAProcessBeginsAsTheProgramDid) {
  const test::Status status = in_a_program([] {
    raise_on_signal();
    require(std::raise(SIGINT) == 0);
    Gate ready;
    Process process([&] {
      require(!Event().wait(1ms));  // what came was the parent's
      ready.open();
      sleep_for_ever();
    });
    process.start();
    ready.pass();
    require(interrupted([&] { process.join(); }) == SIGINT);  // our own
    process.interrupt();
    require(process.join() && process.exitcode() == -SIGINT);
  });

  EXPECT_EQ(status, test::exited(0));
}

TEST(RaiseOnSignalOnceTest, ChildOfAPlainForkInheritsIt) {
  const test::Status status = in_a_program([] {
    raise_on_signal();
    require(std::raise(SIGINT) == 0);
    auto child = test::Child::run([] {
      require(!Event().wait(1ms));  // what came was the parent's
      wait_for_an_event([] { require(std::raise(SIGINT) == 0); });
    });
    require(child.wait() == test::exited(0));
  });

  EXPECT_EQ(status, test::exited(0));
}

TEST(RaiseOnSignalOnceTest, WhatCannotBeCaughtIsRefusedByName) {
  for (const int signal : {0, -1, 1000, 32, SIGKILL, SIGSTOP, SIGSEGV}) {
    try {
      raise_on_signal({signal});
      ADD_FAILURE() << signal;
    } catch (const ValueError& error) {
      EXPECT_NE(std::string(error.what()).find("signal " + std::to_string(signal)),
                std::string::npos);
    }
    EXPECT_THROW(Signals({signal}), ValueError);
  }
}

}  // namespace
}  // namespace multiprocessing
