// What can be known of processes, and of failing to make them, without forking any.

#include "sys/process.hpp"

#include <unistd.h>

#include <cerrno>
#include <climits>
#include <csignal>
#include <thread>

#include <gtest/gtest.h>

#include "sys/calls.hpp"
#include "sys/errors.hpp"
#include "sys/memory.hpp"
#include "sys/ofd.hpp"
#include "sys/proc_stat.hpp"

namespace multiprocessing::sys {
namespace {

using test::expect_system_error;

int no_descriptors_left(const char*, int, mode_t) {
  errno = EMFILE;
  return -1;
}

TEST(ProcStatTest, NameWithParenthesesAndSpacesIsSkipped) {
  ProcStat stat;

  ASSERT_TRUE(
      stat.parse("7 (a) Z 1 (b)) S 2 3 -1 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22"));

  EXPECT_EQ(stat.letter(ProcStat::state), 'S');
  EXPECT_EQ(stat.number(ProcStat::threads), 18U);
  EXPECT_EQ(stat.number(ProcStat::started), 20U);
  EXPECT_EQ(stat.number(ProcStat::env_end), 0U);
}

TEST(ProcStatTest, TextWithoutANameMakesNoSense) {
  ProcStat stat;

  EXPECT_FALSE(stat.parse(""));
  EXPECT_FALSE(stat.parse("7 (cut off"));
}

TEST(ProcessIdTest, OwnProcessHasAStartTimeAndRuns) {
  const ProcessId self = current_process();

  EXPECT_EQ(self.pid, ::getpid());
  EXPECT_GT(self.start_time, 0U);
  EXPECT_TRUE(process_runs(self.pid, self.start_time));
}

TEST(ProcessIdTest, ReusedPidDoesNotRun) {
  const ProcessId self = current_process();

  EXPECT_FALSE(process_runs(self.pid, self.start_time - 1));
}

TEST(ProcessIdTest, NobodyHasNoStartTimeAndDoesNotRun) {
  EXPECT_EQ(start_time(INT_MAX), 0U);
  EXPECT_EQ(start_time(0), 0U);
  EXPECT_FALSE(process_runs(INT_MAX, 1));
  EXPECT_FALSE(process_runs(-1, 1));
}

TEST(ProcessIdTest, LiveProcessThatCannotBeReadCountsAsRunning) {
  const ScopedCall exhausted(&Calls::open, no_descriptors_left);

  EXPECT_TRUE(process_runs(::getpid(), 1));
  EXPECT_FALSE(process_runs(INT_MAX, 1));
}

TEST(ProcessErrorTest, RefusalNamesItsCall) {
  const ScopedCall no_fork(&Calls::fork, [] {
    errno = EAGAIN;
    return -1;
  });
  const ScopedCall no_pipe(&Calls::pipe2, [](int*, int) {
    errno = EMFILE;
    return -1;
  });
  const ScopedCall no_prctl(&Calls::prctl,
                            [](int, unsigned long, unsigned long, unsigned long, unsigned long) {
                              errno = EINVAL;
                              return -1;
                            });

  expect_system_error(EAGAIN, "fork", [] { (void)fork_process(); });
  expect_system_error(EMFILE, "pipe2", [] { (void)make_pipe(); });
  expect_system_error(EINVAL, "prctl", [] { become_subreaper(); });
  expect_system_error(ESRCH, "pidfd_open", [] { (void)open_pidfd(INT_MAX); });
}

TEST(ProcessErrorTest, LifePipeThatCannotBeReopenedIsReported) {
  const Pipe life = make_pipe();
  const ScopedCall exhausted(&Calls::open, no_descriptors_left);

  EXPECT_FALSE(die_with(life.read.get()));
  EXPECT_EQ(errno, EMFILE);
}

TEST(ThreadCountTest, AnotherThreadCounts) {
  const Pipe gate = make_pipe();
  std::thread other([&] { (void)wait_readable(gate.read.get()); });

  EXPECT_GE(threads_running(), 2);

  ASSERT_EQ(::write(gate.write.get(), "x", 1), 1);
  other.join();
}

TEST(WaitReadableTest, SilentPipeTimesOut) {
  const Pipe pipe = make_pipe();

  EXPECT_EQ(wait_readable(pipe.read.get(), 0), Ready::timed_out);
  EXPECT_EQ(wait_readable(pipe.read.get(), deadline_after(1'000'000)), Ready::timed_out);
}

TEST(WaitReadableTest, ByteAndHangUpAreReadable) {
  Pipe pipe = make_pipe();
  ASSERT_EQ(::write(pipe.write.get(), "x", 1), 1);
  EXPECT_EQ(wait_readable(pipe.read.get()), Ready::yes);
  char byte = 0;
  ASSERT_EQ(::read(pipe.read.get(), &byte, 1), 1);

  pipe.write.reset();

  EXPECT_EQ(wait_readable(pipe.read.get()), Ready::yes);
}

TEST(WaitReadableTest, ClosedDescriptorIsAnError) {
  expect_system_error(EBADF, "poll", [] { (void)wait_readable(12345); });
}

TEST(WaitReadableTest, InterruptionIsReported) {
  const ScopedCall interrupted(&Calls::poll, [](struct pollfd*, nfds_t, const std::timespec*) {
    errno = EINTR;
    return -1;
  });

  EXPECT_EQ(wait_readable(0), Ready::interrupted);
}

TEST(OfdTest, OwnLockIsSeenThroughAnotherDescriptionOnly) {
  const UniqueFd file = create_memfd("test", 4096);
  const UniqueFd mine = reopen(file.get());

  ASSERT_TRUE(lock_byte(mine.get(), 5));

  EXPECT_EQ(byte_held(file.get(), 5), Held::yes);
  EXPECT_EQ(byte_held(file.get(), 4), Held::no);
  EXPECT_EQ(byte_held(mine.get(), 5), Held::no);
}

TEST(OfdTest, ByteHeldByAnotherCannotBeLocked) {
  const UniqueFd file = create_memfd("test", 4096);
  UniqueFd mine = reopen(file.get());
  ASSERT_TRUE(lock_byte(mine.get(), 5));

  EXPECT_FALSE(lock_byte(file.get(), 5));
  EXPECT_EQ(errno, EAGAIN);

  mine.reset();
  EXPECT_TRUE(lock_byte(file.get(), 5));
}

TEST(OfdTest, BadDescriptorIsToldApartFromAFreeByte) {
  EXPECT_EQ(byte_held(-1, 0), Held::bad_descriptor);
  EXPECT_FALSE(lock_byte(-1, 0));
  EXPECT_EQ(errno, EBADF);
}

TEST(OfdTest, UnansweredQuestionCountsAsHeld) {
  const ScopedCall refused(&Calls::fcntl_ptr, [](int, int, void*) {
    errno = ENOMEM;
    return -1;
  });

  EXPECT_EQ(byte_held(0, 0), Held::yes);
}

TEST(OfdTest, FailedReopenNamesOpen) {
  expect_system_error(ENOENT, "open: /proc/self/fd/12345", [] { (void)reopen(12345); });
}

TEST(SignalsTest, AllSignalsAreBlockedWithinTheScopeOnly) {
  sigset_t mask;
  {
    const BlockedSignals blocked;
    pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    EXPECT_EQ(sigismember(&mask, SIGTERM), 1);
    EXPECT_EQ(sigismember(&blocked.before(), SIGTERM), 0);
  }

  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  EXPECT_EQ(sigismember(&mask, SIGTERM), 0);
}

}  // namespace
}  // namespace multiprocessing::sys
