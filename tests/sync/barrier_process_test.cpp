// Barrier between processes, some of which die.

#include <multiprocessing/synchronize.hpp>

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "support/child.hpp"
#include "support/shared.hpp"
#include "sync/lock_support.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;

bool breaks(const Barrier& barrier, Timeout timeout = {}) {
  try {
    (void)barrier.wait(timeout);
  } catch (const BrokenBarrierError&) {
    return true;
  }
  return false;
}

std::vector<test::Child> run_parties(const Barrier& barrier, int count, bool broken) {
  std::vector<test::Child> parties;
  parties.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    parties.push_back(test::Child::run([&] { test::require(breaks(barrier) == broken); }));
  }
  test::await([&] { return test::sleepers_on(barrier) == count; });
  return parties;
}

TEST(BarrierProcessTest, PartiesOfAllProcessesGoOnTogether) {
  const Barrier barrier(4);
  const test::Shared<std::atomic<int>> arrived(0);
  std::vector<test::Child> parties;
  parties.reserve(4);
  for (int i = 0; i < 4; ++i) {
    parties.push_back(test::Child::run([&] {
      for (int round = 1; round <= 300; ++round) {
        ++*arrived;
        (void)barrier.wait();
        test::require(arrived->load() >= 4 * round);
        (void)barrier.wait();
      }
    }));
  }

  for (test::Child& party : parties) EXPECT_EQ(party.wait(), test::exited(0));
  EXPECT_EQ(barrier.n_waiting(), 0);
}

TEST(BarrierProcessTest, PartyThatIsKilledBreaksItForTheOthers) {
  const Barrier barrier(4);
  for (int round = 0; round < 10; ++round) {
    auto parties = run_parties(barrier, 3, true);

    parties[0].kill(SIGKILL);

    EXPECT_EQ(parties[1].wait(), test::exited(0));
    EXPECT_EQ(parties[2].wait(), test::exited(0));
    EXPECT_TRUE(barrier.broken());
    parties[0].wait();
    barrier.reset();
  }
  auto parties = run_parties(barrier, 3, false);
  EXPECT_EQ(barrier.wait(), 3);
  for (test::Child& party : parties) EXPECT_EQ(party.wait(), test::exited(0));
}

TEST(BarrierProcessTest, OneWhoExitsInsideBreaksItToo) {
  const Barrier barrier(2, [] { ::_exit(3); });
  auto party = run_parties(barrier, 1, true);
  auto last = test::Child::run([&] { (void)barrier.wait(); });

  EXPECT_EQ(last.wait(), test::exited(3));
  EXPECT_EQ(party[0].wait(), test::exited(0));
}

TEST(BarrierProcessTest, DeathOfOneWhoHasLeftBreaksNothing) {
  const Barrier barrier(2);
  auto left = test::Child::run([&] {
    (void)barrier.wait();
    test::hang_up_and_wait();
  });
  (void)barrier.wait();
  left.await_hang_up();
  auto party = run_parties(barrier, 1, false);

  left.kill(SIGKILL);
  left.wait();
  test::await([] { return shm::bury_the_dead() == 0; });

  EXPECT_FALSE(barrier.broken());
  EXPECT_EQ(barrier.wait(), 1);
  EXPECT_EQ(party[0].wait(), test::exited(0));
}

/// One party is released and does not run; two others want to go through 40 phases meanwhile.
struct Straggling {
  Straggling() {
    straggler.kill(SIGSTOP);
    (void)barrier.wait();
    for (int i = 0; i < 2; ++i) {
      pair.push_back(test::Child::run([this] {
        for (int phase = 0; phase < 40; ++phase) (void)barrier.wait();
      }));
    }
  }

  const Barrier barrier{2};
  test::Child straggler = std::move(run_parties(barrier, 1, false)[0]);
  std::vector<test::Child> pair;
};

TEST(BarrierProcessTest, ReleasedPartyThatRunsLateIsNotToldThatTheBarrierBroke) {
  Straggling those;
  test::await([&] { return test::sleepers_on(those.barrier) == 3; });  // all wait for it

  those.straggler.kill(SIGCONT);

  EXPECT_EQ(those.straggler.wait(), test::exited(0));
  for (test::Child& one : those.pair) EXPECT_EQ(one.wait(), test::exited(0));
}

TEST(BarrierProcessTest, ReleasedPartyThatDiesBeforeItRunsHoldsNobodyUp) {
  Straggling those;
  test::await([&] { return test::sleepers_on(those.barrier) == 3; });

  those.straggler.kill(SIGKILL);

  for (test::Child& one : those.pair) EXPECT_EQ(one.wait(), test::exited(0));
  EXPECT_FALSE(those.barrier.broken());
}

TEST(BarrierProcessTest, TimeoutOfOneWhoWaitsForAStragglerBreaksTheBarrier) {
  Straggling those;
  for (test::Child& one : those.pair) one.kill(SIGKILL);
  for (test::Child& one : those.pair) one.wait();
  those.barrier.reset();
  bool broke = false;
  for (int phase = 0; phase < 40 && !broke; ++phase) {
    auto other = test::Child::run([&] { (void)breaks(those.barrier, 300ms); });
    broke = breaks(those.barrier, 300ms);
    other.wait();
  }

  EXPECT_TRUE(broke);
  those.straggler.kill(SIGCONT);
  EXPECT_EQ(those.straggler.wait(), test::exited(0));
}

TEST(BarrierProcessTest, AbortAndResetReachAllProcesses) {
  const Barrier barrier(3);
  auto aborted = run_parties(barrier, 2, true);
  barrier.abort();
  for (test::Child& party : aborted) EXPECT_EQ(party.wait(), test::exited(0));
  barrier.reset();

  auto reset = run_parties(barrier, 2, true);
  barrier.reset();
  for (test::Child& party : reset) EXPECT_EQ(party.wait(), test::exited(0));
  EXPECT_FALSE(barrier.broken());
}

}  // namespace
}  // namespace multiprocessing
