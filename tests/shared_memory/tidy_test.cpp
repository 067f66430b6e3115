// What CPython's resource tracker promises, kept without a process for it: whatever becomes of the
// programs that made segments, their names do not stay, and tidying up holds nobody up.

#include <multiprocessing/managers.hpp>
#include <multiprocessing/queues.hpp>
#include <multiprocessing/shared_memory.hpp>
#include <multiprocessing/signals.hpp>

#include <fcntl.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): kill is POSIX
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "shared_memory/program.hpp"
#include "support/child.hpp"

namespace multiprocessing {
namespace {

using test::fresh_name;
using test::is_there;
using test::names_that_begin;
using test::Program;
using test::start_another;

// The kernel lets the lock of a killed family go a moment after its end: until then the family
// counts as alive. Ends by the test's own time limit.
void start_others_until_gone(const std::string& name) {
  while (is_there(name)) start_another();
}

bool runs(const std::string& pid) {
  return ::kill(std::stoi(pid), 0) == 0;
}

class SegmentSignalTest : public testing::TestWithParam<int> {};

// Sent as a terminal sends it: to everybody of the group at once.
TEST_P(SegmentSignalTest, EndsAProgramWithoutLeavingItsNames) {
  const std::string kept = fresh_name();
  const std::string removed = fresh_name();
  Program family = Program::cpp();
  ASSERT_EQ(family.ask("create " + kept + " 100"), "ok");
  ASSERT_EQ(family.ask("create " + removed + " 100"), "ok");
  ASSERT_EQ(family.ask("unlink " + removed), "ok");
  ASSERT_GT(std::stoi(family.ask("child fork")), 0);
  const SharedMemory other({.name = removed, .create = true, .size = 5});

  family.signal_all(GetParam());
  EXPECT_EQ(family.wait(), 128 + GetParam());
  start_others_until_gone(kept);

  EXPECT_TRUE(is_there(removed)) << "it had let go of that name, which is another's now";
  other.unlink();
}

INSTANTIATE_TEST_SUITE_P(Signals, SegmentSignalTest, testing::Values(SIGINT, SIGTERM, SIGHUP),
                         [](const auto& test) {
                           return test.param == SIGINT    ? "Interrupt"
                                  : test.param == SIGTERM ? "Terminate"
                                                          : "HangUp";
                         });

TEST(SegmentTidyTest, OneThatIsKilledWhileItTidiesUpLeavesTheRestToTheNext) {
  std::vector<std::string> names;
  Program family = Program::cpp();
  for (int i = 0; i < 50; ++i) {
    names.push_back(fresh_name());
    ASSERT_EQ(family.ask("create " + names.back() + " 100"), "ok");
  }
  family.kill_all();

  // Each is killed a little later than the one before: at load, amid the removal, after it.
  for (int microseconds = 0; microseconds < 4000; microseconds += 200) {
    Program tidier = Program::cpp();
    ::usleep(
        static_cast<useconds_t>(microseconds));  // the moment of the kill; nothing hopes for it
    tidier.kill_all();
  }
  for (const std::string& name : names) start_others_until_gone(name);
}

TEST(SegmentTidyTest, WhatIsLeftIsRemovedAndTheExitCodeIsTheProgramsOwn) {
  for (const bool unlinks : {true, false}) {
    const std::string name = fresh_name();
    Program family = Program::cpp();
    ASSERT_EQ(family.ask("create " + name + " 100"), "ok");
    if (unlinks) {
      ASSERT_EQ(family.ask("unlink " + name), "ok");
    }

    EXPECT_EQ(family.end(), 0) << (unlinks ? "unlinked" : "left");

    EXPECT_FALSE(is_there(name));
  }
}

TEST(SegmentTidyTest, NothingThatIsStartedChangesTheSignalMask) {
  Program program = Program::cpp();

  EXPECT_EQ(program.ask("mask"), "ok");

  EXPECT_EQ(program.end(), 0);
}

// Its parent called fork(), not the library: nobody waits for it. Forked after the first use of the
// library it is of the family, and keeps the name; it never keeps it longer.
TEST(SegmentTidyTest, EndDoesNotWaitForABareChildThatHoldsAllItsDescriptors) {
  for (const bool before_first_use : {true, false}) {
    const std::string name = fresh_name();
    Program family = Program::cpp();
    std::string child;
    if (before_first_use) child = family.ask("bare_child");
    ASSERT_EQ(family.ask("create " + name + " 100"), "ok");
    if (!before_first_use) child = family.ask("bare_child");
    ASSERT_GT(std::stoi(child), 0) << child;

    EXPECT_EQ(family.end(), 0);

    EXPECT_TRUE(runs(child)) << "it goes on";
    EXPECT_EQ(is_there(name), !before_first_use);
    ASSERT_EQ(::kill(std::stoi(child), SIGKILL), 0);
    start_others_until_gone(name);
  }
}

TEST(SegmentTidyTest, EndReapsADaemonicChildAndRemovesWhatThatMade) {
  const std::string name = fresh_name();
  Program family = Program::cpp();
  const std::string child = family.ask("daemon_creates " + name + " 100");
  ASSERT_GT(std::stoi(child), 0) << child;
  ASSERT_TRUE(is_there(name));

  EXPECT_EQ(family.end(), 0);

  EXPECT_FALSE(is_there(name));
  EXPECT_FALSE(runs(child));
}

TEST(SegmentTidyTest, ChildrenForkedWhileAThreadMakesSegmentsMakeTheirOwn) {
  Program family = Program::cpp();

  EXPECT_EQ(family.ask("fork_amid 50"), "ok");

  EXPECT_EQ(family.end(), 0);
}

// The list of the family that made `name`, opened; -1: there is none.
int open_list_of(const std::string& name) {
  const std::string list = test::list_of(name);
  return list.empty() ? -1 : ::open(("/dev/shm/" + list).c_str(), O_RDWR | O_CLOEXEC);
}

struct Leftover {
  std::string name;
  int list = -1;  // holds the lock that a tidier takes
};

// Of a family that was killed whole. Another program of this user may be quicker and tidy up before
// the lock is had; then once more.
Leftover leave_one_and_hold_it() {
  for (;;) {
    Leftover left{.name = fresh_name()};
    Program family = Program::cpp();
    EXPECT_EQ(family.ask("create " + left.name + " 100"), "ok");
    left.list = open_list_of(left.name);
    family.kill_all();
    struct flock byte{};
    byte.l_type = F_WRLCK;
    byte.l_len = 1;
    // The kernel lets go of the lock of the dead a moment after their end.
    while (::fcntl(left.list, F_OFD_SETLK, &byte) != 0 && errno == EAGAIN) {
    }
    if (is_there(left.name)) return left;
    ::close(left.list);
  }
}

// The test stands for a tidier that is stopped.
TEST(SegmentTidyTest, TidierThatIsStuckHoldsNobodyUp) {
  const Leftover left = leave_one_and_hold_it();

  start_another();
  EXPECT_TRUE(is_there(left.name)) << "whoever is at it will do it";

  ::close(left.list);
  start_others_until_gone(left.name);
}

// What a terminal sends to all of them: the program takes it for itself, and the manager goes on.
TEST(SegmentTidyTest, ManagerWorksOnAfterAnInterruptOfTheWholeGroup) {
  const test::Status status = test::in_a_program([] {
    test::require(::setpgid(0, 0) == 0);
    raise_on_signal();
    const SharedMemoryManager manager;
    manager.start();
    const Queue<int> never;
    bool interrupted = false;
    try {
      test::require(::kill(0, SIGINT) == 0);
      (void)never.get();
    } catch (const KeyboardInterrupt&) {
      interrupted = true;
    }
    test::require(interrupted);

    const ShareableList list = manager.ShareableList({1, 2, 3});
    const std::string name(list.shm().name());
    test::require(is_there(name) && list[2] == 3);
    manager.shutdown();
    test::require(!is_there(name));
  });

  EXPECT_EQ(status, test::exited(0));
}

// A semaphore, a lock and a segment of static storage: a child that was started by spawn makes them
// once more, for it runs the program's static constructors, too.
TEST(SegmentTidyTest, StaticObjectsOfSpawnedChildrenLeaveNoNameAndNoComplaint) {
  const auto listing = [] {
    const auto names = names_that_begin("tidy_static_");
    return std::set<std::string>(names.begin(), names.end());
  };
  const std::set<std::string> before = listing();
  std::FILE* const program = ::popen(TEST_STATIC_OBJECTS " 2>&1", "re");
  ASSERT_NE(program, nullptr);

  std::string output;
  std::array<char, 256> buffer{};
  while (std::fgets(buffer.data(), buffer.size(), program) != nullptr) output += buffer.data();

  EXPECT_EQ(::pclose(program), 0);
  EXPECT_EQ(output, "fork 0\nspawn 0\nforkserver 0\n");
  EXPECT_EQ(listing(), before);
}

}  // namespace
}  // namespace multiprocessing
