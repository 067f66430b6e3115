// Work that stands while workers sleep: the seats are set as stopped workers leave them.

#include "pool/stall.hpp"

#include <chrono>
#include <cstdint>
#include <thread>

#include <gtest/gtest.h>

#include "sys/clock.hpp"

namespace multiprocessing::pool {
namespace {

class StallTest : public testing::Test {
 protected:
  void sleeps(std::uint32_t seat) {
    state_.seat(seat).park.store(1);
    set_bit(state_.parked, seat);
  }
  std::uint32_t asleep() {
    std::uint32_t count = 0;
    for (std::uint32_t i = 0; i < state_.seats; ++i) count += state_.seat(i).park.load();
    return count;
  }
  // As long as work may stand there, and one look.
  void look_again() {
    std::this_thread::sleep_for(std::chrono::nanoseconds(Stall::kStands));
    (void)stall_.look(view_);
  }
  void submit() {
    view_.tasks.push(view_.add_cell());
    announce_work(state_, 1);
  }

  detail::Handle object_ = create_state({.seats = 3, .wanted = 3});
  PoolState& state_ = state_of(object_);
  View view_{state_};
  Stall stall_;
};

TEST_F(StallTest, OneWhoSearchesAndDoesNotRunIsReliedOnNoMore) {
  set_bit(state_.searching, 0);
  sleeps(1);
  sleeps(2);
  submit();
  ASSERT_EQ(asleep(), 2U) << "it relies on the searcher";

  EXPECT_LT(stall_.look(view_), sys::kForever);
  EXPECT_EQ(asleep(), 2U);
  look_again();

  EXPECT_EQ(asleep(), 1U);
  submit();
  EXPECT_EQ(asleep(), 0U) << "it relied on the searcher again";
}

TEST_F(StallTest, TheSleepersAreWokenOneByOne) {
  for (std::uint32_t seat = 0; seat < 3; ++seat) sleeps(seat);
  submit();
  ASSERT_EQ(asleep(), 2U);
  (void)stall_.look(view_);

  look_again();
  EXPECT_EQ(asleep(), 1U);
  look_again();
  EXPECT_EQ(asleep(), 0U);

  EXPECT_EQ(stall_.look(view_), sys::kForever);
}

TEST_F(StallTest, WhileTheHeadMovesNobodyIsWoken) {
  submit();
  submit();
  submit();
  sleeps(1);
  (void)stall_.look(view_);

  for (int i = 0; i < 2; ++i) {
    view_.tasks.pass(view_.tasks.peek().position);
    look_again();
    EXPECT_EQ(asleep(), 1U);
  }
}

TEST_F(StallTest, WithoutWorkThereIsNothingToLookFor) {
  sleeps(1);

  EXPECT_EQ(stall_.look(view_), sys::kForever);
  look_again();

  EXPECT_EQ(asleep(), 1U);
}

}  // namespace
}  // namespace multiprocessing::pool
