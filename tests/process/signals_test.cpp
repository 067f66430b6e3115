// Signals: as an object to wait for.

#include <multiprocessing/process.hpp>
#include <multiprocessing/signals.hpp>

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <functional>
#include <thread>

#include <gtest/gtest.h>

#include "process/gate.hpp"
#include "support/child.hpp"
#include "support/fd_snapshot.hpp"
#include "sys/calls.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using test::Gate;
using test::in_a_program;
using test::require;
using test::sleep_for_ever;

bool is_blocked(int signal) {
  sigset_t mask;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  return sigismember(&mask, signal) == 1;
}

TEST(SignalsTest, SignalIsFetchedOnce) {
  const test::Status status = in_a_program([] {
    const Signals signals({SIGTERM, SIGUSR1});
    require(signals.wait(Timeout::zero()) == std::nullopt && !test::is_readable(signals.fileno()));
    require(::kill(::getpid(), SIGUSR1) == 0);
    require(test::is_readable(signals.fileno()));
    require(signals.wait() == SIGUSR1);
    require(signals.wait(1ms) == std::nullopt);
  });

  EXPECT_EQ(status, test::exited(0));
}

TEST(SignalsTest, SleeperIsWokenByTheSignal) {
  const test::Status status = in_a_program([] {
    const Signals signals({SIGTERM});
    Process sender([to = ::getpid()] { require(::kill(to, SIGTERM) == 0); });
    sender.start();
    require(signals.wait() == SIGTERM);
    sender.join();
  });

  EXPECT_EQ(status, test::exited(0));
}

TEST(SignalsTest, MaskAndHandlerAreRestoredWithTheLastCopy) {
  static std::atomic<int> handled{0};
  const test::Status status = in_a_program([] {
    std::signal(SIGUSR1, [](int) { ++handled; });
    {
      const Signals outer({SIGUSR1});
      {
        const Signals copy = outer;
        const Signals other({SIGUSR1});
        require(copy == outer && !(other == outer));
      }
      require(is_blocked(SIGUSR1) && ::kill(::getpid(), SIGUSR1) == 0 && handled == 0);
    }
    // What was not fetched takes its effect.
    require(!is_blocked(SIGUSR1) && handled == 1);
    require(std::raise(SIGUSR1) == 0 && handled == 2);
  });

  EXPECT_EQ(status, test::exited(0));
}

TEST(SignalsTest, SignalThatTheProgramHadBlockedStaysBlocked) {
  const test::Status status = in_a_program([] {
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    ::pthread_sigmask(SIG_BLOCK, &mask, nullptr);
    {
      const Signals signals({SIGUSR1});
    }
    require(is_blocked(SIGUSR1));
  });

  EXPECT_EQ(status, test::exited(0));
}

// Threads that were there before do not take it away, nor die of it.
TEST(SignalsTest, SignalThatReachesAnotherThreadIsFetchedToo) {
  const test::Status status = in_a_program([] {
    Gate end;
    std::thread other([&] { end.pass(); });
    const Signals signals({SIGTERM});
    for (int i = 0; i < 20; ++i) {
      require(::kill(::getpid(), SIGTERM) == 0);
      require(signals.wait() == SIGTERM);
    }
    end.open();
    other.join();
  });

  EXPECT_EQ(status, test::exited(0));
}

TEST(SignalsTest, ChildBeginsWithTheMaskAndHandlersOfBefore) {
  const test::Status status = in_a_program([] {
    std::signal(SIGUSR2, SIG_IGN);
    auto signals = std::make_optional<Signals>(std::initializer_list<int>{SIGTERM, SIGUSR2});
    Gate ready;
    Process process([&] {
      require(!is_blocked(SIGTERM) && !is_blocked(SIGUSR2));
      require(std::signal(SIGUSR2, SIG_IGN) == SIG_IGN);
      const Signals own({SIGTERM});
      signals.reset();  // the parent's: gives back nothing here
      require(is_blocked(SIGTERM));
      ready.open();
      require(own.wait() == SIGTERM);
    });
    process.start();
    ready.pass();
    process.terminate();
    require(process.join() && process.exitcode() == 0);
    require(is_blocked(SIGTERM));
  });

  EXPECT_EQ(status, test::exited(0));
}

TEST(SignalsTest, RaiseOnSignalHoldsAgainAfterwards) {
  const test::Status status = in_a_program([] {
    raise_on_signal();
    {
      const Signals signals({SIGINT});
      require(::kill(::getpid(), SIGINT) == 0 && signals.wait() == SIGINT);
    }
    require(std::raise(SIGINT) == 0);
    try {
      (void)Signals({SIGUSR1}).wait();
      require(false);
    } catch (const KeyboardInterrupt& error) {
      require(error.signum() == SIGINT);
    }
  });

  EXPECT_EQ(status, test::exited(0));
}

TEST(SignalsTest, RefusedDescriptorNamesTheCallAndTakesNothing) {
  const sys::ScopedCall full(&sys::Calls::signalfd, [](int, const sigset_t*, int) {
    errno = EMFILE;
    return -1;
  });
  const test::FdSnapshot before;
  try {
    const Signals signals({SIGUSR1});
    ADD_FAILURE();
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code().value(), EMFILE);
    EXPECT_NE(std::string(error.what()).find("signalfd"), std::string::npos);
  }
  EXPECT_FALSE(is_blocked(SIGUSR1));
  EXPECT_EQ(test::FdSnapshot(), before);
}

}  // namespace
}  // namespace multiprocessing
