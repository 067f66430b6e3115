// Types of the vocabulary whose bytes mean the same everywhere: the calendar, time-outs, options.

#include <chrono>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include <multiprocessing/multiprocessing.hpp>

#include "wire/round_trip.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using test::round_trip;

static_assert(is_transferable_v<PoolOptions> && is_transferable_v<TaskOptions> &&
              is_transferable_v<ProcessOptions> && is_transferable_v<ProcessPoolExecutorOptions> &&
              is_transferable_v<MapOptions> && is_transferable_v<Retry>);
static_assert(is_transferable_v<std::chrono::month_day_last> &&
              is_transferable_v<std::chrono::year_month_weekday_last> &&
              is_transferable_v<std::chrono::hh_mm_ss<std::chrono::seconds>> &&
              is_transferable_v<std::chrono::local_days> &&
              is_transferable_v<std::chrono::last_spec>);

TEST(CalendarCodecTest, ADateArrivesAsTheSameDate) {
  const std::chrono::year_month_day date = std::chrono::year(2026) / 11 / 22;

  EXPECT_EQ(round_trip(date), date);
  EXPECT_EQ(round_trip(std::chrono::Sunday[2]), std::chrono::Sunday[2]);
  EXPECT_EQ(round_trip(std::chrono::local_days(date)), std::chrono::local_days(date));
  EXPECT_EQ(round_trip(std::chrono::month_day_last(std::chrono::May)),
            std::chrono::month_day_last(std::chrono::May));
}

TEST(TimeoutCodecTest, ATimeoutArrivesAsWhatItWasMadeFrom) {
  const auto moment = std::chrono::steady_clock::now() + 5s;

  EXPECT_EQ(round_trip(Timeout(3s)), Timeout(3s));
  EXPECT_EQ(round_trip(Timeout(moment)).deadline(), Timeout(moment).deadline());
  EXPECT_TRUE(round_trip(Timeout()).is_forever());
}

TEST(OptionsCodecTest, OptionsArriveFieldByField) {
  const TaskOptions options{.timeout = 3s, .retry = Retry{.attempts = 7}, .name = "fetch"};

  const TaskOptions arrived = round_trip(options);

  EXPECT_EQ(arrived.timeout, options.timeout);
  EXPECT_EQ(arrived.retry->attempts, 7);
  EXPECT_EQ(arrived.name, "fetch");
}

}  // namespace
}  // namespace multiprocessing
