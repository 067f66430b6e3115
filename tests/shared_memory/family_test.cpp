// Named segments go with the family that made them, and with no other.

#include <multiprocessing/shared_memory.hpp>

#include <unistd.h>

#include <string>

#include <gtest/gtest.h>

#include "shared_memory/program.hpp"

namespace multiprocessing {
namespace {

using test::fresh_name;
using test::is_there;
using test::Program;
using test::start_another;

TEST(SegmentFamilyTest, GoesWithTheOnlyProcess) {
  const std::string name = fresh_name();
  Program family = Program::cpp();
  ASSERT_EQ(family.ask("create " + name + " 100"), "ok");
  ASSERT_TRUE(is_there(name));

  EXPECT_EQ(family.end(), 0);

  EXPECT_FALSE(is_there(name));
}

TEST(SegmentFamilyTest, StaysWhileAProcessOfTheMakersFamilyLives) {
  const std::string name = fresh_name();
  Program family = Program::cpp();

  ASSERT_EQ(family.ask("child_creates " + name + " 100"), "ok");

  start_another();
  EXPECT_TRUE(is_there(name)) << "its maker was killed, but not its family";
  EXPECT_EQ(family.ask("open " + name), "100");
  EXPECT_EQ(family.end(), 0);
  EXPECT_FALSE(is_there(name));
}

TEST(SegmentFamilyTest, OneThatWasUnlinkedLeavesNothing) {
  const std::string name = fresh_name();
  Program family = Program::cpp();
  ASSERT_EQ(family.ask("create " + name + " 100"), "ok");

  EXPECT_EQ(family.ask("unlink " + name), "ok");

  EXPECT_FALSE(is_there(name));
  EXPECT_EQ(family.ask("unlink " + name), "errno 2");
  EXPECT_EQ(family.end(), 0);
}

// After its family was killed whole. The kernel lets the lock of a killed process go a moment after
// the process has ended; a start in that moment finds the family alive.
void expect_gone_at_a_next_start(const std::string& name) {
  while (is_there(name)) start_another();
}

class SegmentStartMethodTest : public testing::TestWithParam<const char*> {};

// However the last process came to life, and though it never used the segment.
TEST_P(SegmentStartMethodTest, StaysWhileOnlyAChildLivesAndGoesAtTheNextStartAfterThat) {
  const std::string name = fresh_name();
  Program family = Program::cpp();
  const std::string pid = family.ask(std::string("child ") + GetParam());
  ASSERT_GT(std::stoi(pid), 0) << pid;
  ASSERT_EQ(family.ask("create " + name + " 100"), "ok");

  family.kill_itself();
  start_another();
  EXPECT_TRUE(is_there(name)) << "a process of the family lives";

  family.kill_all();
  expect_gone_at_a_next_start(name);
}

INSTANTIATE_TEST_SUITE_P(Methods, SegmentStartMethodTest,
                         testing::Values("fork", "spawn", "forkserver"),
                         [](const auto& test) { return std::string(test.param); });

TEST(SegmentFamilyTest, OfAFamilyThatWasKilledWholeGoesAtTheNextStart) {
  const std::string name = fresh_name();
  Program family = Program::cpp();
  ASSERT_EQ(family.ask("create " + name + " 100"), "ok");
  ASSERT_GT(std::stoi(family.ask("child fork")), 0);

  family.kill_all();

  expect_gone_at_a_next_start(name);
}

// A service that is killed and restarted finds its names free.
TEST(SegmentFamilyTest, NameThatADeadFamilyLeftCanBeTakenAtOnce) {
  const std::string name = fresh_name();
  Program family = Program::cpp();
  Program other = Program::cpp();
  ASSERT_EQ(other.ask("hello"), "ok");
  ASSERT_EQ(family.ask("create " + name + " 100"), "ok");
  EXPECT_EQ(other.ask("create " + name + " 50"), "errno 17");

  family.kill_all();

  std::string answer = other.ask("create " + name + " 50");
  while (answer == "errno 17") answer = other.ask("create " + name + " 50");
  EXPECT_EQ(answer, "ok");
  EXPECT_EQ(other.end(), 0);
}

TEST(SegmentFamilyTest, OfALivingFamilyIsLeftAloneByOthers) {
  const std::string name = fresh_name();
  Program family = Program::cpp();
  ASSERT_EQ(family.ask("create " + name + " 100"), "ok");

  start_another();

  EXPECT_TRUE(is_there(name));
}

TEST(SegmentFamilyTest, AfterAKillItStaysWhileAStrangerHasItOpen) {
  const std::string name = fresh_name();
  Program family = Program::cpp();
  ASSERT_EQ(family.ask("create " + name + " 100"), "ok");
  Program stranger = Program::cpp();
  ASSERT_EQ(stranger.ask("open " + name), "100");

  family.kill_all();
  start_another();
  EXPECT_TRUE(is_there(name)) << "a stranger still uses it";

  EXPECT_EQ(stranger.end(), 0);
  expect_gone_at_a_next_start(name);
}

TEST(SegmentFamilyTest, OpenersRemoveNothingHoweverTheyEnd) {
  const std::string name = fresh_name();
  Program family = Program::cpp();
  ASSERT_EQ(family.ask("create " + name + " 100"), "ok");
  Program guest = Program::cpp();
  Program killed = Program::cpp();
  ASSERT_EQ(guest.ask("open " + name), "100");
  ASSERT_EQ(killed.ask("open " + name), "100");
  ASSERT_EQ(family.ask("put " + name + " 7 42"), "ok");

  EXPECT_EQ(guest.end(), 0);
  killed.kill_all();
  start_another();

  Program late = Program::cpp();
  EXPECT_EQ(late.ask("open " + name), "100");
  EXPECT_EQ(late.ask("get " + name + " 7"), "42");
  EXPECT_EQ(family.end(), 0);
  EXPECT_FALSE(is_there(name));
  EXPECT_EQ(late.ask("get " + name + " 7"), "42") << "who has it keeps it";
}

TEST(SegmentFamilyTest, UntrackedStaysUntilSomebodyUnlinksIt) {
  const std::string name = fresh_name();
  Program family = Program::cpp();
  ASSERT_EQ(family.ask("untracked " + name + " 100"), "ok");

  EXPECT_EQ(family.end(), 0);
  start_another();

  EXPECT_TRUE(is_there(name));
  SharedMemory(name).unlink();
}

// Somebody removed ours and made another of that name.
TEST(SegmentFamilyTest, AnotherFileOfThatNameStays) {
  for (const bool killed : {false, true}) {
    const std::string name = fresh_name();
    Program family = Program::cpp();
    ASSERT_EQ(family.ask("create " + name + " 100"), "ok");
    ASSERT_EQ(::unlink(("/dev/shm/" + name).c_str()), 0);
    const SharedMemory other({.name = name, .create = true, .size = 5, .track = false});

    if (killed) {
      family.kill_all();
    } else {
      family.end();
    }
    start_another();

    EXPECT_TRUE(is_there(name)) << (killed ? "killed" : "ended");
    if (is_there(name)) other.unlink();
  }
}

}  // namespace
}  // namespace multiprocessing
