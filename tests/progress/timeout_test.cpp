// How long a call may block: what a Timeout is made from, and what may not become one.

#include <multiprocessing/detail/timeout.hpp>

#include <chrono>
#include <concepts>
#include <limits>

#include <gtest/gtest.h>

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using std::chrono::system_clock;

constexpr std::int64_t kForever = std::numeric_limits<std::int64_t>::max();

std::int64_t now() {
  return steady_clock::now().time_since_epoch() / 1ns;
}

// The overloads that the header prescribes.
struct Door {
  static bool open(Timeout = {}) { return true; }
  template <std::same_as<bool> B>
  static bool open(B block, Timeout timeout = {}) {
    return open(block ? timeout : Timeout::zero());
  }
};

template <class... Args>
concept Opens = requires(Args... args) { Door::open(args...); };

static_assert(Opens<> && Opens<Timeout>);
static_assert(Opens<bool> && Opens<bool, std::chrono::seconds>);
static_assert(Opens<std::chrono::milliseconds> && Opens<std::chrono::duration<double>>);
static_assert(Opens<steady_clock::time_point> && Opens<system_clock::time_point>);
static_assert(!Opens<int> && !Opens<double> && !Opens<long> && !Opens<unsigned>);
static_assert(!Opens<bool, int> && !Opens<bool, double> && !Opens<int, std::chrono::seconds>);
static_assert(!Opens<std::nullptr_t> && !Opens<const char*>);
static_assert(!std::constructible_from<Timeout, int> && !std::constructible_from<Timeout, double>);

TEST(TimeoutTest, DefaultIsForEver) {
  const Timeout timeout;

  EXPECT_TRUE(timeout.is_forever());
  EXPECT_FALSE(timeout.is_zero());
  EXPECT_EQ(timeout.deadline(), kForever);
  EXPECT_EQ(timeout.duration(), std::nullopt);
}

TEST(TimeoutTest, ZeroAndNegativeDoNotBlock) {
  for (const Timeout timeout : {Timeout::zero(), Timeout(0s), Timeout(-5s), Timeout(-0.5s)}) {
    EXPECT_TRUE(timeout.is_zero());
    EXPECT_FALSE(timeout.is_forever());
    EXPECT_EQ(timeout.deadline(), 0);
  }
}

TEST(TimeoutTest, DurationCountsFromEachUse) {
  const Timeout timeout = 1h;
  const auto first = timeout.deadline();

  while (now() + 3'600'000'000'000 <= first) {
  }

  EXPECT_GT(timeout.deadline(), first);
  EXPECT_EQ(timeout.duration(), 1h);
}

TEST(TimeoutTest, DurationsOfEveryUnitAreExact) {
  EXPECT_EQ(Timeout(7ns).duration(), 7ns);
  EXPECT_EQ(Timeout(2.5s).duration(), 2500ms);
  EXPECT_EQ(Timeout(std::chrono::days(2)).duration(), 48h);
  EXPECT_EQ(Timeout(std::chrono::duration<int, std::pico>(5001)).duration(), 5ns);
  EXPECT_EQ((Timeout(std::chrono::duration<std::int64_t, std::ratio<1, 3>>(3)).duration()), 1s);
  EXPECT_EQ(Timeout(std::chrono::duration<unsigned char>(200)).duration(), 200s);
}

TEST(TimeoutTest, SteadyTimePointIsAFixedDeadline) {
  const auto moment = steady_clock::now() + 1min;

  const Timeout timeout = moment;

  EXPECT_EQ(timeout.deadline(), moment.time_since_epoch() / 1ns);
  EXPECT_EQ(timeout.duration(), std::nullopt);
  EXPECT_FALSE(timeout.is_zero());
}

TEST(TimeoutTest, SystemTimePointIsConvertedToTheMonotonicClock) {
  const auto before = now();
  const Timeout timeout = system_clock::now() + 1min;

  EXPECT_GE(timeout.deadline(), before + 59'000'000'000);
  EXPECT_LE(timeout.deadline(), now() + 61'000'000'000);
}

TEST(TimeoutTest, PastTimePointDoesNotBlock) {
  EXPECT_TRUE(Timeout(steady_clock::now() - 1ns).is_zero());
  EXPECT_TRUE(Timeout(system_clock::now() - 1h).is_zero());
  EXPECT_TRUE(Timeout(steady_clock::time_point::min()).is_zero());
  EXPECT_TRUE(Timeout(system_clock::time_point::min()).is_zero());
}

TEST(TimeoutTest, WhatTheClockCannotHoldIsForEver) {
  EXPECT_TRUE(Timeout(std::chrono::hours::max()).is_forever());
  EXPECT_TRUE(Timeout(std::chrono::duration<double>(1e300)).is_forever());
  EXPECT_TRUE(Timeout(std::chrono::duration<std::uint64_t>(~0ULL)).is_forever());
  EXPECT_TRUE(Timeout(steady_clock::time_point::max()).is_forever());
  EXPECT_TRUE(Timeout(std::chrono::sys_seconds::max()).is_forever());
  EXPECT_EQ(Timeout(std::chrono::nanoseconds::max() - 1ns).deadline(), kForever);
}

TEST(TimeoutTest, WhatTheClockCannotHoldBelowZeroDoesNotBlock) {
  EXPECT_TRUE(Timeout(std::chrono::hours::min()).is_zero());
  EXPECT_TRUE(Timeout(std::chrono::duration<double>(-1e300)).is_zero());
}

TEST(TimeoutTest, NotANumberDoesNotBlock) {
  EXPECT_TRUE(
      Timeout(std::chrono::duration<double>(std::numeric_limits<double>::quiet_NaN())).is_zero());
}

TEST(TimeoutTest, EqualIfMadeFromTheSame) {
  EXPECT_EQ(Timeout(1s), Timeout(1000ms));
  EXPECT_EQ(Timeout(), Timeout(std::chrono::hours::max()));
  EXPECT_NE(Timeout(1s), Timeout(steady_clock::time_point(1s)));
}

}  // namespace
}  // namespace multiprocessing
