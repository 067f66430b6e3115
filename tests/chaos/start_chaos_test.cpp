// Kills the parent, the child or the fork server at each point of lib/process/launch_anew.hpp and
// fork_server.hpp. Nobody hangs, nobody is left over, and the next start succeeds.

#include <multiprocessing/process.hpp>
#include <multiprocessing/sharedctypes.hpp>
#include <multiprocessing/synchronize.hpp>

#include <sched.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

#include "support/chaos.hpp"
#include "support/child.hpp"
#include "sys/calls.hpp"
#include "sys/crash_point.hpp"
#include "sys/process.hpp"

namespace multiprocessing {
namespace {

constexpr const char* kCrashAt = "MULTIPROCESSING_CRASH_AT";

// In programs of their own, so that each has a fork server of its own.
class StartChaosTest : public testing::TestWithParam<const char*> {
 protected:
  StartChaosTest() : slots_(test::taken_slots()) {}

  // The dying let go of their pipes before their slots; ctest's time limit is the watchdog.
  ~StartChaosTest() override {
    while (test::taken_slots() != slots_) ::sched_yield();
  }

 private:
  int slots_;
};

void sleep_for_ever() {
  for (;;) ::sched_yield();
}

std::optional<int> code_of(StartMethod method) {
  Process process({.method = method}, [] {});
  process.start();
  test::require(process.join());
  return process.exitcode();
}

void kill_parent_at(const char* point, StartMethod method) {
  auto program = test::Child::run([&] {
    Process first({.daemon = true, .method = method}, sleep_for_ever);
    first.start();
    sys::arm_crash_point(point);
    Process({.daemon = true, .method = method}, sleep_for_ever).start();
  });

  EXPECT_EQ(program.wait(), test::killed_by(SIGKILL));
}

using SpawnParentChaosTest = StartChaosTest;

TEST_P(SpawnParentChaosTest, KilledParentLeavesNobody) {
  kill_parent_at(GetParam(), StartMethod::spawn);
}

INSTANTIATE_TEST_SUITE_P(Points, SpawnParentChaosTest,
                         testing::Values("process.spawn.claimed", "process.spawn.sealed",
                                         "process.spawn.executed"));

using ServedParentChaosTest = StartChaosTest;

TEST_P(ServedParentChaosTest, KilledParentLeavesNobody) {
  kill_parent_at(GetParam(), StartMethod::forkserver);
}

INSTANTIATE_TEST_SUITE_P(Points, ServedParentChaosTest,
                         testing::Values("process.request.sent", "process.request.answered"));

using NewbornChaosTest = StartChaosTest;

TEST_P(NewbornChaosTest, KilledChildIsSeenAsKilled) {
  auto program = test::Child::run([&] {
    test::require(code_of(StartMethod::spawn) == 0);
    ::setenv(kCrashAt, GetParam(), 1);
    test::require(code_of(StartMethod::spawn) == -SIGKILL);
    ::unsetenv(kCrashAt);
    test::require(code_of(StartMethod::spawn) == 0);
  });

  EXPECT_EQ(program.wait(), test::exited(0));
}

INSTANTIATE_TEST_SUITE_P(Points, NewbornChaosTest,
                         testing::Values("process.newborn.named", "process.newborn.read",
                                         "process.newborn.held"));

using ServerChaosTest = StartChaosTest;

TEST_P(ServerChaosTest, ServerThatAlwaysDiesBeforeItForksIsToldAsAnError) {
  auto program = test::Child::run([&] {
    test::require(code_of(StartMethod::spawn) == 0);
    ::setenv(kCrashAt, GetParam(), 1);
    Process process({.method = StartMethod::forkserver}, [] {});
    try {
      process.start();
      test::require(false);
    } catch (const ProcessError& error) {
      test::require(std::string(error.what()).find("signal 9") != std::string::npos);
    }
    ::unsetenv(kCrashAt);
    process.start();
    test::require(process.join());
    test::require(process.exitcode() == 0);
  });

  EXPECT_EQ(program.wait(), test::exited(0));
}

INSTANTIATE_TEST_SUITE_P(Points, ServerChaosTest,
                         testing::Values("process.newborn.named", "process.newborn.read",
                                         "process.newborn.held", "process.server.asked"));

using ReplacedServerChaosTest = StartChaosTest;

TEST_P(ReplacedServerChaosTest, StartSucceedsThoughTheServerDiesInTheMiddleOfIt) {
  auto program = test::Child::run([&] {
    test::require(code_of(StartMethod::spawn) == 0);
    ::setenv(kCrashAt, (std::string(GetParam()) + ":2").c_str(), 1);
    test::require(code_of(StartMethod::forkserver) == 0);
    test::require(code_of(StartMethod::forkserver) == 0);
    test::require(code_of(StartMethod::forkserver) == 0);
  });

  EXPECT_EQ(program.wait(), test::exited(0));
}

INSTANTIATE_TEST_SUITE_P(Points, ReplacedServerChaosTest,
                         testing::Values("process.server.asked", "process.server.forked",
                                         "process.server.answered"));

// The parent looks only when the child has come to its end: it must not take that for none.
TEST_F(StartChaosTest, ChildThatHasEndedBeforeItsServersDeathIsSeenIsNotStartedAgain) {
  auto program = test::Child::run([&] {
    test::require(code_of(StartMethod::spawn) == 0);
    ::setenv(kCrashAt, "process.server.forked:2", 1);
    test::require(code_of(StartMethod::forkserver) == 0);
    static const Semaphore runs(0);
    static const RawValue<pid_t> pid(0);
    static decltype(sys::Calls::recvmsg) receive = nullptr;
    const sys::ScopedCall seen_late(&sys::Calls::recvmsg, [](int fd, msghdr* message, int flags) {
      while (runs.get_value() == 0 || sys::process_runs(pid.get(), 0)) ::sched_yield();
      return receive(fd, message, flags);
    });
    receive = seen_late.original();
    Process process(
        {.method = StartMethod::forkserver},
        [](const Semaphore& run, const RawValue<pid_t>& own) {
          own.set(::getpid());
          run.release();
        },
        runs, pid);
    process.start();
    test::require(process.join());
    test::require(process.exitcode() == 0);
    test::require(runs.get_value() == 1);
  });

  EXPECT_EQ(program.wait(), test::exited(0));
}

TEST_F(StartChaosTest, ServersChildKilledInItsFirstStepIsSeenAsKilled) {
  auto program = test::Child::run([&] {
    test::require(code_of(StartMethod::spawn) == 0);
    ::setenv(kCrashAt, "process.served.born", 1);
    test::require(code_of(StartMethod::forkserver) == -SIGKILL);
  });

  EXPECT_EQ(program.wait(), test::exited(0));
}

}  // namespace
}  // namespace multiprocessing
