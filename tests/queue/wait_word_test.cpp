// The word that consumers sleep on: who fences, and what a sleeper may sleep on.

#include "queue/wait_word.hpp"

#include <gtest/gtest.h>

#include "sys/process_barrier.hpp"

namespace multiprocessing::lanes {
namespace {

constexpr std::uint32_t kBoth = kFenced | kSettled;

TEST(WaitWordTest, OneWhoSleepsNowAndThenLeavesThePuttersWithoutFences) {
  WaitWord word{0};
  const std::uint32_t announced = announce(word);
  EXPECT_EQ(settle_announcement(word, announced, false), word.load());
  EXPECT_EQ(word.load(), kSomebody);
}

TEST(WaitWordTest, OneWhoSleepsOftenHasThePuttersFenceUntilItDoesNotAnyMore) {
  if (!sys::process_barrier()) GTEST_SKIP() << "the kernel refuses membarrier";
  WaitWord word{0};
  const std::uint32_t expected = settle_announcement(word, announce(word), true);
  EXPECT_EQ(expected, kSomebody | kBoth);
  EXPECT_EQ(word.load(), expected) << "it is what the sleeper sleeps on";
  wake_sleepers(word, 1);
  const std::uint32_t again = announce(word);
  EXPECT_EQ(settle_announcement(word, again, false), again) << "settled as it is";
  spare_fences(word);
  EXPECT_EQ(word.load() & kBoth, 0U);
  EXPECT_NE(word.load() & kSomebody, 0U) << "a sleeper is still to be woken";
  EXPECT_GE(word.load(), again - kBoth + kChange) << "who settles meanwhile must see a change";
}

TEST(WaitWordTest, WhoWasWokenMeanwhileDoesNotSleepOnWhatItFinds) {
  WaitWord word{0};
  const std::uint32_t announced = announce(word);
  wake_sleepers(word, 1);
  EXPECT_NE(settle_announcement(word, announced, true), word.load());
}

TEST(WaitWordTest, WhatOneDidNotLiveToSettleIsSettledByTheNext) {
  if (!sys::process_barrier()) GTEST_SKIP() << "the kernel refuses membarrier";
  WaitWord word{kSomebody | kFenced};
  EXPECT_EQ(settle_announcement(word, announce(word), true), kSomebody | kBoth);
}

TEST(PatienceTest, OneThatGaveUpEarlyAndWasWokenSoonWaitsToTheEndNextTime) {
  EXPECT_EQ(Patience::failures_after_sleep(4, 8'000), 0);
  EXPECT_EQ(Patience::failures_after_sleep(4, 100'000), 4) << "nothing would have come";
  EXPECT_EQ(Patience::failures_after_sleep(1, 8'000), 1) << "it had waited to the end";
  EXPECT_EQ(Patience::failures_after_sleep(7, 8'000), 7) << "others have work for the processor";
}

}  // namespace
}  // namespace multiprocessing::lanes
