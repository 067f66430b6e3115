// Bells: descriptors that other processes of the family make readable.

#include "shm/bell.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <vector>

#include "shm/process_table.hpp"
#include "support/child.hpp"

namespace multiprocessing::shm {
namespace {

using test::Child;
using test::require;

bool readable(const Bell& bell, int milliseconds = 0) {
  struct pollfd watched = {.fd = bell.fd(), .events = POLLIN, .revents = 0};
  return ::poll(&watched, 1, milliseconds) == 1;
}

TEST(BellTest, RungFromAnotherProcessItIsReadableUntilDrained) {
  Bell bell;
  bell.open();
  EXPECT_FALSE(readable(bell));
  auto child = Child::run([&] {
    for (int i = 0; i < 1000; ++i) require(ring(bell.name()) == Rung::yes);  // never blocks
  });
  EXPECT_TRUE(readable(bell, 10'000));
  EXPECT_EQ(child.wait(), test::exited(0));
  bell.drain();
  EXPECT_FALSE(readable(bell));
}

TEST(BellTest, BellsHaveNamesOfTheirOwnWhichAreUsedAgain) {
  std::uint64_t last = 0;
  for (int i = 0; i < 10'000; ++i) {
    Bell bell, other;
    bell.open();
    other.open();
    ASSERT_NE(bell.name(), other.name());
    last = other.index();
  }
  EXPECT_LT(last, 10U);
}

// A child has a copy of the parent's first bell, so that one's address is taken for the time being.
TEST(BellTest, AnAddressThatIsTakenIsTriedAgainAndNotForgotten) {
  Bell first;
  first.open();
  const std::uint32_t index = first.index();
  {
    auto child = Child::run([] { test::hang_up_and_wait(); });
    child.await_hang_up();
    first.close();
    for (int i = 0; i < 5000; ++i) {
      Bell bell;
      bell.open();
      ASSERT_NE(bell.index(), index);
      ASSERT_LT(bell.index(), index + 3);
    }
  }
  Bell bell;
  bell.open();
  EXPECT_EQ(bell.index(), index);
}

TEST(BellTest, ForkedChildLeavesItsParentsBellAlone) {
  Bell bell;
  bell.open();
  auto child = Child::run([&] {
    require(!bell.is_own());
    const std::uint64_t parents = bell.name();
    bell.open();
    require(bell.is_own() && bell.name() != parents);
    require(ring(bell.name()) == Rung::yes && readable(bell));
  });
  EXPECT_EQ(child.wait(), test::exited(0));
  EXPECT_FALSE(readable(bell));
  EXPECT_EQ(ring(bell.name()), Rung::yes);
  EXPECT_TRUE(readable(bell));
}

TEST(BellTest, NobodyIsThereAfterItsOwnerHasGone) {
  Bell bell;
  bell.open();
  const std::uint64_t closed = bell.name();
  bell.close();
  EXPECT_EQ(ring(closed), Rung::nobody_there);
  EXPECT_EQ(ring(0), Rung::nobody_there);
}

TEST(BellTest, EachDeathRingsEveryBell) {
  std::vector<Bell> bells(3);
  for (Bell& bell : bells) bell.open();
  auto child = Child::run([] { (void)self(); });
  EXPECT_EQ(child.wait(), test::exited(0));
  (void)bury_the_dead();
  for (const Bell& bell : bells) EXPECT_TRUE(readable(bell));
}

}  // namespace
}  // namespace multiprocessing::shm
