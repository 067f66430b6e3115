// Children: how they are forked, signalled, told apart and reaped.

#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>
#include <system_error>

#include <gtest/gtest.h>

#include "sys/calls.hpp"
#include "sys/forked.hpp"
#include "sys/io.hpp"
#include "sys/memory.hpp"

namespace multiprocessing::sys {
namespace {

using test::exited;
using test::Forked;
using test::killed_by;
using test::require;
using test::Signpost;
using test::wait_to_be_killed;

class ReapTest : public test::LeavesNothingBehind {};
class SignalTest : public test::LeavesNothingBehind {};
class LivenessTest : public test::LeavesNothingBehind {};
class ChildStateTest : public test::LeavesNothingBehind {};

std::string text_of(const std::string& path) {
  std::array<char, 4096> text{};
  const ssize_t length = read_text(path.c_str(), text.data(), text.size());
  return length < 0 ? std::string() : std::string(text.data(), static_cast<std::size_t>(length));
}

TEST_F(ReapTest, ExitCodeAndSignalAreToldApart) {
  Forked nine([] { ::_exit(9); });
  Forked killed([] { wait_to_be_killed(); });
  killed.kill();

  EXPECT_EQ(nine.wait(), exited(9));
  EXPECT_EQ(killed.wait(), killed_by(9));
}

TEST_F(ReapTest, RunningChildIsNotReaped) {
  const Forked child([] { wait_to_be_killed(); });

  EXPECT_FALSE(reap(child.pidfd(), false));
  EXPECT_EQ(errno, EAGAIN);
}

TEST_F(ReapTest, SomebodyElseHavingReapedIsReported) {
  Forked child([] {});
  (void)child.wait();

  EXPECT_FALSE(reap(child.pidfd(), true));
  EXPECT_EQ(errno, ECHILD);
}

TEST_F(ReapTest, InterruptedWaitGoesOn) {
  static int interruptions = 0;
  interruptions = 2;
  Forked child([] { ::_exit(3); });
  const ScopedCall interrupted(&Calls::waitid,
                               [](idtype_t type, id_t id, siginfo_t* info, int options) {
                                 if (interruptions-- <= 0) return ::waitid(type, id, info, options);
                                 errno = EINTR;
                                 return -1;
                               });

  EXPECT_EQ(child.wait(), exited(3));
}

TEST_F(SignalTest, EndedProcessTakesNoSignalEvenUnreaped) {
  Forked child([] { wait_to_be_killed(); });
  ASSERT_TRUE(child.kill(0));
  ASSERT_TRUE(child.kill());
  child.wait_unreaped();

  EXPECT_FALSE(child.kill());
  EXPECT_EQ(errno, ESRCH);

  (void)child.wait();
  EXPECT_FALSE(child.kill());
}

TEST_F(SignalTest, PidfdIsReadableOnceTheProcessHasEnded) {
  Forked child([] { wait_to_be_killed(); });
  ASSERT_EQ(wait_readable(child.pidfd(), 0), Ready::timed_out);

  child.kill();

  EXPECT_EQ(wait_readable(child.pidfd()), Ready::yes);
}

TEST_F(SignalTest, ResetGivesEverySignalItsDefaultActionAndUnblocksIt) {
  Signpost ready;
  Forked child([&] {
    ignore_signal(SIGTERM);
    const BlockedSignals blocked;
    reset_signals_to_default();
    ready.raise();
    wait_to_be_killed();
  });
  ASSERT_TRUE(ready.await());

  child.kill(SIGTERM);

  EXPECT_EQ(child.wait(), killed_by(SIGTERM));
}

TEST_F(SignalTest, IgnoredSignalDoesNotEnd) {
  Forked child([] {
    ignore_signal(SIGTERM);
    ::raise(SIGTERM);
    ::_exit(4);
  });

  EXPECT_EQ(child.wait(), exited(4));
}

TEST_F(LivenessTest, ChildRunsUntilItIsAZombie) {
  Forked child([] { wait_to_be_killed(); });
  const std::uint64_t started = start_time(child.pid());
  ASSERT_TRUE(process_runs(child.pid(), started));
  EXPECT_FALSE(process_runs(child.pid(), started + 1));

  child.kill();
  child.wait_unreaped();

  EXPECT_EQ(start_time(child.pid()), started) << "a zombie still has one";
  EXPECT_FALSE(process_runs(child.pid(), started));
}

TEST_F(LivenessTest, StoppedChildRuns) {
  const Forked child([] { ::raise(SIGSTOP); });
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child.pid()), &info, WSTOPPED), 0);

  EXPECT_TRUE(process_runs(child.pid(), start_time(child.pid())));
}

TEST_F(ChildStateTest, WipeOnForkPageIsZeroInTheChildOnly) {
  auto* const mark = static_cast<int*>(wipe_on_fork_page());
  *mark = 5;

  Forked child([&] { require(*mark == 0); });

  EXPECT_EQ(child.wait(), exited(0));
  EXPECT_EQ(*mark, 5);
  unmap(mark, page_size());
}

TEST_F(ChildStateTest, FileSizeLimitIsAnErrorAndNotASignal) {
  Forked child([] {
    const struct rlimit low{.rlim_cur = 4096, .rlim_max = 4096};
    require(::setrlimit(RLIMIT_FSIZE, &low) == 0);
    try {
      (void)create_memfd("test", 1U << 20U);
    } catch (const std::system_error& failure) {
      ::_exit(failure.code().value() == EFBIG ? 11 : 12);
    }
  });

  EXPECT_EQ(child.wait(), exited(11));
}

TEST_F(ChildStateTest, TitleIsShownAndArgumentsStay) {
  const std::string before = text_of("/proc/self/cmdline");
  constexpr const char* kTitle = "a title longer than fifteen bytes";
  Signpost ready;
  const Forked child([&] {
    set_process_title("the first, which is longer than the second one");
    set_process_title(kTitle);
    ready.raise();
    wait_to_be_killed();
  });
  ASSERT_TRUE(ready.await());
  const std::string in_proc = "/proc/" + std::to_string(child.pid());

  EXPECT_EQ(text_of(in_proc + "/comm"), "a title longer \n");
  const std::string shown = text_of(in_proc + "/cmdline");
  EXPECT_TRUE(shown == std::string(kTitle) + '\0' || shown == before) << shown;
  EXPECT_EQ(text_of("/proc/self/cmdline"), before);
}

TEST_F(ChildStateTest, SubreaperInheritsItsGrandchildren) {
  Forked reaper([] {
    become_subreaper();
    Forked middle([&] {
      const pid_t grandchild = fork_process();
      if (grandchild == 0) ::_exit(6);
    });
    require(middle.wait() == exited(0));
    int status = 0;
    require(::waitpid(-1, &status, 0) > 0);
    require(WIFEXITED(status) && WEXITSTATUS(status) == 6);
  });

  EXPECT_EQ(reaper.wait(), exited(0));
}

}  // namespace
}  // namespace multiprocessing::sys
