// Kills the parent or the child at each point named in lib/process/launch.hpp. Nobody is left over,
// every slot is free again, and the survivors go on.

#include <multiprocessing/process.hpp>

#include <sched.h>

#include <csignal>
#include <string>

#include <gtest/gtest.h>

#include "process/gate.hpp"
#include "support/chaos.hpp"
#include "support/child.hpp"
#include "sys/crash_point.hpp"

namespace multiprocessing {
namespace {

class ProcessChaosTest : public testing::TestWithParam<const char*> {
 protected:
  ProcessChaosTest() : slots_(test::taken_slots()) {}

  // Everybody who could tell has gone, and the family can still start processes.
  void expect_no_trace(test::Gate& held) const {
    EXPECT_EQ(held.rest(), "") << "somebody was left over, and has written";
    // The dying let go of their pipes before their slots; ctest's time limit is the watchdog.
    while (test::taken_slots() != slots_) ::sched_yield();
    Process process([] {});
    process.start();
    EXPECT_TRUE(process.join());
    EXPECT_EQ(process.exitcode(), 0);
  }

 private:
  int slots_;
};

using ProcessParentChaosTest = ProcessChaosTest;
using ProcessChildChaosTest = ProcessChaosTest;

TEST_P(ProcessParentChaosTest, KilledParentLeavesNobody) {
  test::Gate held;
  auto program = test::Child::run([&] {
    Process first({.daemon = true}, test::sleep_for_ever);
    first.start();
    sys::arm_crash_point(GetParam());
    Process({.daemon = true}, test::sleep_for_ever).start();
    held.tell("the point was not passed");
  });

  EXPECT_EQ(program.wait(), test::killed_by(SIGKILL));

  expect_no_trace(held);
}

INSTANTIATE_TEST_SUITE_P(Points, ProcessParentChaosTest,
                         testing::Values("process.start.claimed", "process.start.forked",
                                         "process.start.kept", "slot.claim.locked",
                                         "slot.claim.claimed", "slot.claim.forked"));

TEST_P(ProcessChildChaosTest, KilledChildIsSeenAsKilled) {
  test::Gate held;
  Process process([] {});
  sys::arm_crash_point(GetParam());

  process.start();
  sys::disarm_crash_point();

  EXPECT_TRUE(process.join());
  EXPECT_EQ(process.exitcode(), -SIGKILL);
  EXPECT_TRUE(active_children().empty());
  expect_no_trace(held);
}

INSTANTIATE_TEST_SUITE_P(Points, ProcessChildChaosTest,
                         testing::Values("process.child.born", "process.child.became",
                                         "process.child.bound", "process.end.recorded"));

}  // namespace
}  // namespace multiprocessing
