// Time, processors, and sleeping on a word.

#include "sys/clock.hpp"

#include <cerrno>
#include <thread>

#include <gtest/gtest.h>

#include "sys/calls.hpp"
#include "sys/futex.hpp"
#include "sys/timespec.hpp"

namespace multiprocessing::sys {
namespace {

constexpr Nanoseconds kMillisecond = 1'000'000;

TEST(ClockTest, NeverRunsBackwards) {
  const Nanoseconds first = now();

  EXPECT_GE(now(), first);
  EXPECT_GT(first, 0);
}

TEST(ClockTest, DeadlineBeyondTheEndOfTimeIsForever) {
  EXPECT_EQ(deadline_after(kForever), kForever);
  EXPECT_EQ(deadline_after(kForever - 1), kForever);
  EXPECT_GE(deadline_after(5), 5);
}

TEST(ClockTest, NegativeTimeMeansAtOnce) {
  static_assert(to_timespec(-1).tv_sec == 0 && to_timespec(-1).tv_nsec == 0);
  static_assert(to_timespec(2'000'000'003).tv_sec == 2 && to_timespec(2'000'000'003).tv_nsec == 3);
}

TEST(ClockTest, AtLeastOneProcessorIsUsable) {
  EXPECT_GE(usable_cpus(), 1);
  EXPECT_EQ(alone(), usable_cpus() == 1);
}

TEST(FutexTest, WaitOnAnotherValueReturnsAtOnce) {
  const std::atomic<std::uint32_t> word{1};

  EXPECT_EQ(futex_wait(word, 2), Wait::changed);
}

TEST(FutexTest, WaitTimesOutNotBeforeItsDeadline) {
  const std::atomic<std::uint32_t> word{1};
  const Nanoseconds deadline = deadline_after(2 * kMillisecond);

  EXPECT_EQ(futex_wait(word, 1, deadline), Wait::timed_out);

  EXPECT_GE(now(), deadline);
}

TEST(FutexTest, DeadlineInThePastPolls) {
  const std::atomic<std::uint32_t> word{1};

  EXPECT_EQ(futex_wait(word, 1, 0), Wait::timed_out);
  EXPECT_EQ(futex_wait(word, 1, -5), Wait::timed_out);
}

TEST(FutexTest, WakeReachesASleeper) {
  std::atomic<std::uint32_t> word{0};
  std::thread sleeper([&] {
    while (futex_wait(word, 0) != Wait::woken) {
    }
  });

  int woken = 0;
  while (woken == 0) woken = futex_wake(word, 8);
  sleeper.join();

  EXPECT_EQ(woken, 1);
}

TEST(FutexTest, WakeWithoutSleepersWakesNobody) {
  const std::atomic<std::uint32_t> word{0};

  EXPECT_EQ(futex_wake(word, 8), 0);
  EXPECT_EQ(futex_wake(word, 0), 0);
}

TEST(FutexTest, InterruptedWaitSaysSo) {
  const std::atomic<std::uint32_t> word{0};
  const ScopedCall interrupted(&Calls::futex, [](const std::uint32_t*, int, std::uint32_t,
                                                 const std::timespec*, std::uint32_t) {
    errno = EINTR;
    return -1L;
  });

  EXPECT_EQ(futex_wait(word, 0), Wait::interrupted);
  EXPECT_EQ(futex_wake(word, 1), 0);
}

}  // namespace
}  // namespace multiprocessing::sys
