// The words of a seat.

#include "pool/state.hpp"

#include <gtest/gtest.h>

#include "shm/process_table.hpp"

namespace multiprocessing::pool {
namespace {

TEST(SeatTest, AWorkerThatComesTwoIncarnationsLateEntersNothing) {
  Seat seat{};
  const auto enter = [&seat](std::uint64_t incarnation, shm::Name name) {
    std::uint64_t starting = SeatWord{SeatPhase::starting, incarnation, {}}.packed();
    return seat.word.compare_exchange_strong(starting,
                                             SeatWord{SeatPhase::live, incarnation, name}.packed());
  };
  const std::uint64_t late = 5;
  const std::uint64_t now = 5 + SeatWord::kLowIncarnation + 1;  // the same low bits
  seat.word = SeatWord{SeatPhase::starting, now, {}}.packed();

  EXPECT_FALSE(enter(late, {9, 9}));
  EXPECT_TRUE(enter(now, shm::self()));
  EXPECT_FALSE(enter(late, {9, 9}));

  EXPECT_EQ(worker_in(seat), shm::self()) << "the word names who entered";
}

TEST(SeatTest, ASeatWhoseWorkersSlotIsAnothersByNowNamesNobody) {
  Seat seat{};
  const shm::Name mine = shm::self();

  seat.word = SeatWord{SeatPhase::live, 1, {mine.slot, mine.generation - 1}}.packed();

  EXPECT_TRUE(worker_in(seat).nobody());
}

}  // namespace
}  // namespace multiprocessing::pool
