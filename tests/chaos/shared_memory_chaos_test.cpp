// Kills at the points of the list of named segments (lib/shared/segment_list.hpp), and at random:
// others go on, and when the family has ended nothing is left in /dev/shm.

#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <ctime>
#include <random>
#include <string>
#include <tuple>

#include <gtest/gtest.h>

#include "shared_memory/program.hpp"
#include "support/chaos.hpp"

namespace multiprocessing {
namespace {

using test::Program;

// A /dev/shm of its own, where that is allowed: then everything that is left in it is known to be
// of this test.
bool isolate() {
  return ::unshare(CLONE_NEWNS) == 0 &&
         ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         ::mount("tmpfs", "/dev/shm", "tmpfs", 0, nullptr) == 0;
}
const bool isolated = isolate();

// Whoever starts next removes what is left. The kernel lets the lock of a killed process go a
// moment after its end.
void expect_nothing_left(const std::string& name) {
  const auto left = [&] {
    return isolated ? !test::names_that_begin("").empty() : test::is_there(name);
  };
  while (left()) {
    Program another = Program::cpp();
    EXPECT_EQ(another.ask("hello"), "ok");
    EXPECT_EQ(another.end(), 0);
  }
}

class SegmentChaosTest : public testing::TestWithParam<test::Where> {};

TEST_P(SegmentChaosTest, OthersOfTheFamilyGoOnAndItLeavesNothing) {
  const auto [point, visit] = GetParam();
  const std::string name = test::fresh_name();
  Program family = Program::cpp();
  // while others have segments, nobody makes a list
  if (!std::string(point).starts_with("segment.list.")) {
    ASSERT_EQ(family.ask("crowd 1"), "ok");
  }

  EXPECT_EQ(family.ask("dies_at " + std::string(point) + " " + std::to_string(visit)), "ok");

  EXPECT_EQ(family.ask("create " + name + " 100"), "ok");
  EXPECT_EQ(family.ask("unlink " + name), "ok");
  EXPECT_EQ(family.ask("create " + name + " 50"), "ok");
  EXPECT_EQ(family.end(), 0);
  EXPECT_FALSE(test::is_there(name));
  expect_nothing_left(name);
}

TEST_P(SegmentChaosTest, AFamilyOfOneIsCleanedUpAtTheNextStart) {
  const auto [point, visit] = GetParam();
  const std::string name = test::fresh_name();
  Program family =
      Program::cpp("MULTIPROCESSING_CRASH_AT=" + std::string(point) + ":" + std::to_string(visit));

  bool dead = false;
  for (int i = 0; i < 100 && !dead; ++i) {
    const std::string one = i == 0 ? name : test::fresh_name();
    dead = family.ask("create " + one + " 100").empty() || family.ask("unlink " + one).empty();
  }

  EXPECT_TRUE(dead) << point << " was not visited " << visit << " times";
  expect_nothing_left(name);
}

INSTANTIATE_TEST_SUITE_P(
    List, SegmentChaosTest,
    testing::Combine(testing::Values("segment.listed", "segment.linked", "segment.unlinked",
                                     "segment.list.numbered", "segment.list.linked"),
                     testing::Values(1, 2, 7)),
    test::name_of);

// All processes of a family at once, at a moment of chance.
TEST(SegmentKillTest, AFamilyThatIsKilledWholeLeavesNothingAfterTheNextStart) {
  std::minstd_rand random(42);
  for (int round = 0; round < 25; ++round) {
    const std::string name = test::fresh_name();
    Program family = Program::cpp();
    ASSERT_EQ(family.ask("create " + name + " 100"), "ok");
    ASSERT_EQ(family.ask("crowd 3"), "ok");
    const std::timespec moment{.tv_sec = 0, .tv_nsec = static_cast<long>(random() % 10'000'000)};
    ::nanosleep(&moment, nullptr);  // any moment will do

    family.kill_all();

    expect_nothing_left(name);
  }
}

// One after the other, while the family lives.
TEST(SegmentKillTest, MembersThatAreKilledLeaveNothingBehindTheFamily) {
  const std::string name = test::fresh_name();
  Program family = Program::cpp();
  ASSERT_EQ(family.ask("create " + name + " 100"), "ok");
  ASSERT_EQ(family.ask("crowd 2"), "ok");
  for (int round = 0; round < 25; ++round) {
    ASSERT_EQ(family.ask("child_creates " + test::fresh_name() + " 100"), "ok");
    ASSERT_EQ(family.ask("kill_one"), "ok");
    ASSERT_EQ(family.ask("crowd 1"), "ok");
  }

  EXPECT_EQ(family.end(), 0);

  expect_nothing_left(name);
}

}  // namespace
}  // namespace multiprocessing
