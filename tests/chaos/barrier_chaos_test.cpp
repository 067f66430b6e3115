// Kills a process at each point named in lib/sync/barrier_state.hpp. The others must finish.

#include <multiprocessing/synchronize.hpp>

#include <chrono>
#include <vector>

#include <gtest/gtest.h>

#include "shm/process_table.hpp"
#include "support/chaos.hpp"
#include "support/child.hpp"
#include "sync/lock_support.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;

test::Child run_party(const Barrier& barrier, bool broken) {
  const int already = test::sleepers_on(barrier);
  auto party = test::Child::run([&, broken] {
    bool broke = false;
    try {
      (void)barrier.wait(1h);
    } catch (const BrokenBarrierError&) {
      broke = true;
    }
    test::require(broke == broken);
  });
  test::await([&] { return test::sleepers_on(barrier) == already + 1; });
  return party;
}

test::Child run_victim(const Barrier& barrier, const char* point, void (*act)(const Barrier&)) {
  return test::run_armed(point, [&] { act(barrier); });
}

void arrive(const Barrier& barrier) {
  (void)barrier.wait();
}

/// All parties can meet at a barrier that a death broke.
void expect_usable_after_reset(const Barrier& barrier) {
  barrier.reset();
  std::vector<test::Child> parties;
  for (int i = 1; i < barrier.parties(); ++i) parties.push_back(run_party(barrier, false));
  EXPECT_EQ(barrier.wait(), barrier.parties() - 1);
  for (test::Child& party : parties) EXPECT_EQ(party.wait(), test::exited(0));
}

class BarrierChaosTest : public testing::TestWithParam<const char*> {};

TEST_P(BarrierChaosTest, PartyThatDiesBreaksItForTheOthers) {
  const Barrier barrier(3);
  auto survivor = run_party(barrier, true);
  auto victim = run_victim(barrier, GetParam(), arrive);
  ASSERT_EQ(victim.wait(), test::killed_by(SIGKILL));

  EXPECT_EQ(survivor.wait(), test::exited(0));
  expect_usable_after_reset(barrier);
}

INSTANTIATE_TEST_SUITE_P(Points, BarrierChaosTest,
                         testing::Values("barrier.wait.noted", "barrier.wait.arrived",
                                         "barrier.wait.asleep", "barrier.wait.woken"));

TEST(BarrierLastChaosTest, LastPartyThatDiesAfterTheActionBreaksIt) {
  const Barrier barrier(2, [] {});
  auto survivor = run_party(barrier, true);
  auto victim = run_victim(barrier, "barrier.action.run", arrive);
  ASSERT_EQ(victim.wait(), test::killed_by(SIGKILL));

  EXPECT_EQ(survivor.wait(), test::exited(0));
  expect_usable_after_reset(barrier);
}

TEST(BarrierLastChaosTest, LastPartyThatDiesBeforeItWakesTheOthersHasReleasedThem) {
  const Barrier barrier(2);
  auto survivor = run_party(barrier, false);
  auto victim = run_victim(barrier, "barrier.advance.advanced", arrive);
  ASSERT_EQ(victim.wait(), test::killed_by(SIGKILL));

  EXPECT_EQ(survivor.wait(), test::exited(0));
  EXPECT_FALSE(barrier.broken());
}

TEST(BarrierLastChaosTest, LastPartyThatDiesWaitingForAStragglerBreaksIt) {
  const Barrier barrier(2);
  auto straggler = run_party(barrier, false);
  straggler.kill(SIGSTOP);
  arrive(barrier);
  const auto go_on = [&] {
    try {
      for (;;) arrive(barrier);
    } catch (const BrokenBarrierError&) {
    }
  };
  // Whichever of them comes last to the eighth phase waits for the straggler, and dies.
  auto one = test::run_armed("barrier.drain.waiting", go_on);
  auto other = test::run_armed("barrier.drain.waiting", go_on);

  const bool first_died = one.wait() == test::killed_by(SIGKILL);
  EXPECT_EQ((first_died ? other : one).wait(), test::exited(0));
  EXPECT_EQ((first_died ? one : other).wait(), test::killed_by(SIGKILL));

  straggler.kill(SIGCONT);
  EXPECT_EQ(straggler.wait(), test::exited(0)) << "its own phase was released";
  expect_usable_after_reset(barrier);
}

TEST(BarrierBreakChaosTest, OneWhoDiesBeforeItWakesTheOthersHasBrokenIt) {
  const Barrier barrier(3);
  auto survivor = run_party(barrier, true);
  auto victim = run_victim(barrier, "barrier.break.broken", [](const Barrier& b) { b.abort(); });
  ASSERT_EQ(victim.wait(), test::killed_by(SIGKILL));
  EXPECT_EQ(survivor.wait(), test::exited(0));

  barrier.reset();
  survivor = run_party(barrier, true);
  victim = run_victim(barrier, "barrier.reset.advanced", [](const Barrier& b) { b.reset(); });
  ASSERT_EQ(victim.wait(), test::killed_by(SIGKILL));
  EXPECT_EQ(survivor.wait(), test::exited(0));
  EXPECT_FALSE(barrier.broken());
}

TEST(BarrierSweepChaosTest, SweeperThatDiesAfterItBrokeTheBarrierLeavesTheRestToTheNext) {
  const Barrier barrier(3);
  auto dead = run_party(barrier, true);
  auto survivor = run_party(barrier, true);
  survivor.kill(SIGSTOP);
  dead.kill(SIGKILL);
  dead.wait();
  test::expect_death_at("barrier.sweep.broken", 1, [] { (void)shm::bury_the_dead(); });

  survivor.kill(SIGCONT);

  EXPECT_EQ(survivor.wait(), test::exited(0));
  test::bury_all();
  expect_usable_after_reset(barrier);
}

}  // namespace
}  // namespace multiprocessing
