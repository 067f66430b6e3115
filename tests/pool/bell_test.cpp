// The word on which several may sleep: no ring is lost on one because another has armed it anew.

#include "pool/bell.hpp"

#include <cstdint>

#include <gtest/gtest.h>

#include "pool/job.hpp"

namespace multiprocessing::pool {
namespace {

TEST(BellTest, OneThatWasRungDoesNotSleepOnWhatAnotherHasArmed) {
  Bell bell(0);
  const std::uint32_t first = arm(bell);

  ring(bell);
  const std::uint32_t second = arm(bell);

  EXPECT_NE(bell.load(), first) << "it would sleep, though it was rung";
  EXPECT_EQ(bell.load(), second);
}

TEST(BellTest, AJobsWaiterThatWasWokenDoesNotSleepOnWhatAnotherHasArmed) {
  Job job{};
  const std::uint32_t first = arm(job.waited);

  wake_job(job);
  const std::uint32_t second = arm(job.waited);

  EXPECT_NE(job.waited.load(), first) << "it would sleep, though it was woken";
  EXPECT_EQ(job.waited.load(), second);
}

TEST(BellTest, ThoseWhoArmItBeforeItRingsSleepOnOneValue) {
  Bell bell(0);

  const std::uint32_t first = arm(bell);

  EXPECT_EQ(arm(bell), first);
  EXPECT_EQ(bell.load(), first);
}

TEST(BellTest, RingingWhileNobodyWaitsWritesNothing) {
  Bell bell(0);
  ring(bell);
  EXPECT_EQ(bell.load(), 0U);

  (void)arm(bell);
  ring(bell);
  const std::uint32_t rung = bell.load();
  ring(bell);

  EXPECT_EQ(bell.load(), rung);
}

TEST(BellTest, TheCountBeginsAnewAfterItsLastNumber) {
  Bell bell(~std::uint32_t{1});
  const std::uint32_t last = arm(bell);

  ring(bell);

  EXPECT_NE(arm(bell), last);
}

}  // namespace
}  // namespace multiprocessing::pool
