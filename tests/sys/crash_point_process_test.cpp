// Crash points: armed by a call or by the environment, and costing nothing otherwise.

#ifndef MULTIPROCESSING_CRASH_POINTS
#define MULTIPROCESSING_CRASH_POINTS
#endif
#include "sys/crash_point.hpp"

#include <sys/wait.h>

#include <csignal>
#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

#include "sys/forked.hpp"

namespace multiprocessing::sys {
namespace {

using test::exited;
using test::Forked;
using test::killed_by;

constexpr const char* kVariable = "MULTIPROCESSING_CRASH_AT";

class CrashPointTest : public test::LeavesNothingBehind {
 protected:
  void TearDown() override {
    ::unsetenv(kVariable);  // NOLINT(concurrency-mt-unsafe): one thread
    LeavesNothingBehind::TearDown();
  }
};

void visit_other() {
  MULTIPROCESSING_CRASH_POINT("test.other");
}
void visit_here() {
  MULTIPROCESSING_CRASH_POINT("test.here");
}

// The environment is read at a process's first visit, so this process itself never makes any.
ExitStatus end_of_child_under(const char* setting, int visits) {
  ::setenv(kVariable, setting, 1);  // NOLINT(concurrency-mt-unsafe): one thread
  Forked child([&] {
    for (int visit = 0; visit < visits; ++visit) {
      visit_other();
      visit_here();
    }
  });
  return child.wait();
}

TEST_F(CrashPointTest, UnarmedPointIsPassed) {
  Forked child([] { visit_here(); });

  EXPECT_EQ(child.wait(), exited(0));
}

TEST_F(CrashPointTest, ArmedPointKillsAtTheGivenVisitOnly) {
  Forked child([] {
    arm_crash_point("test.here", 3);
    visit_here();
    visit_other();
    visit_here();
    ::_exit(1);
  });
  Forked victim([] {
    arm_crash_point("test.here", 3);
    visit_here();
    visit_here();
    visit_here();
  });

  EXPECT_EQ(child.wait(), exited(1));
  EXPECT_EQ(victim.wait(), killed_by(SIGKILL));
}

TEST_F(CrashPointTest, StopPointStopsAtTheGivenVisitAndGoesOn) {
  Forked child([] {
    arm_stop_point("test.here", 2);
    for (int visit = 0; visit < 3; ++visit) visit_here();
    ::_exit(1);
  });
  int status = 0;
  ASSERT_EQ(::waitpid(child.pid(), &status, WUNTRACED), child.pid());
  EXPECT_TRUE(WIFSTOPPED(status));
  ASSERT_EQ(::kill(child.pid(), SIGCONT), 0);

  EXPECT_EQ(child.wait(), exited(1));
}

TEST_F(CrashPointTest, DisarmedPointIsPassed) {
  Forked child([] {
    arm_crash_point("test.here");
    disarm_crash_point();
    visit_here();
  });

  EXPECT_EQ(child.wait(), exited(0));
}

TEST_F(CrashPointTest, EnvironmentArmsAPointAndItsVisit) {
  EXPECT_EQ(end_of_child_under("test.here:2", 1), exited(0));
  EXPECT_EQ(end_of_child_under("test.here:2", 2), killed_by(SIGKILL));
  EXPECT_EQ(end_of_child_under("test.here", 1), killed_by(SIGKILL));
}

TEST_F(CrashPointTest, SettingThatMakesNoSenseArmsNothing) {
  EXPECT_EQ(end_of_child_under("test.here:0", 3), exited(0));
  EXPECT_EQ(end_of_child_under("test.here:x", 3), exited(0));
  EXPECT_EQ(end_of_child_under(":", 3), exited(0));
  EXPECT_EQ(end_of_child_under(std::string(500, 'x').c_str(), 3), exited(0));
}

TEST_F(CrashPointTest, CallOverridesTheEnvironment) {
  ::setenv(kVariable, "test.here", 1);  // NOLINT(concurrency-mt-unsafe): one thread
  Forked child([] {
    disarm_crash_point();
    visit_here();
  });

  EXPECT_EQ(child.wait(), exited(0));
}

}  // namespace
}  // namespace multiprocessing::sys
