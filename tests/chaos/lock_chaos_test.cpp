// Kills a process at each point named in lib/sync/lock_state.hpp. The others must finish.

#include <multiprocessing/synchronize.hpp>

#include <sched.h>

#include <atomic>
#include <chrono>
#include <utility>

#include <gtest/gtest.h>

#include "support/chaos.hpp"
#include "support/child.hpp"
#include "support/shared.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;

struct Board {
  std::atomic<int> holder{0};
  std::atomic<int> told{0};
};

/// Enters and leaves; now and then it asks for so short a time that it gives up.
template <class L>
void take_turns(const L& lock, Board& board, int me, long rounds) {
  for (long i = 0; i < rounds; ++i) {
    try {
      const Timeout patience = i % 3 == 0 ? Timeout(300us) : Timeout();
      if (!lock.acquire(patience)) continue;
    } catch (const LockOwnerDied&) {
      ++board.told;
      continue;
    }
    board.holder.store(me);
    for (int spin = 0; spin < 20; ++spin) ::sched_yield();
    test::require(board.holder.load() == me);
    lock.release();
  }
}

template <class L>
void kill_one_of_three(const L& lock, const char* point, int visit, int told_at_most) {
  const test::Shared<Board> board;
  test::ChaosRun run;
  run.victim(point, visit, [&] { take_turns(lock, *board, 1, 1'000'000); });
  for (int i = 2; i < 4; ++i) run.survivor([&, i] { take_turns(lock, *board, i, 500); });
  // A point on the sleeper's path is reached only while others hold the lock.
  run.crowd([&] { take_turns(lock, *board, 4, 1'000'000); });
  run.expect_survival();
  EXPECT_LE(board->told.load(), told_at_most);
}

class LockChaosTest : public testing::TestWithParam<test::Where> {};

TEST_P(LockChaosTest, SurvivorsOfAKilledTakerFinish) {
  const auto [point, visit] = GetParam();
  const Lock lock;
  kill_one_of_three(lock, point, visit, 1);

  try {
    lock.acquire();
  } catch (const LockOwnerDied&) {  // the crowd's last one
    lock.acquire();
  }
  lock.release();
}

TEST_P(LockChaosTest, SurvivorsOfAKilledTakerOfASilentLockHearNothing) {
  const auto [point, visit] = GetParam();
  const Lock lock(Recovery::silent);
  kill_one_of_three(lock, point, visit, 0);

  EXPECT_TRUE(lock.acquire());
}

TEST_P(LockChaosTest, SurvivorsOfAKilledTakerOfARecursiveLockFinish) {
  const auto [point, visit] = GetParam();
  const RLock lock(Recovery::hold);
  kill_one_of_three(lock, point, visit, 0);

  EXPECT_TRUE(lock.acquire());
  lock.release();
  EXPECT_FALSE(lock.owner_died());
}

INSTANTIATE_TEST_SUITE_P(Points, LockChaosTest,
                         testing::Combine(testing::Values("lock.acquire.taken", "lock.wait.noted",
                                                          "lock.wait.marked", "lock.wait.woken",
                                                          "lock.release.freed"),
                                          testing::Values(1, 2, 7)),
                         test::name_of);

TEST(GiveUpChaosTest, SleeperThatDiesWhileItPassesAWakeUpOnBlocksNobody) {
  const Lock lock;
  const Event stop;
  ASSERT_TRUE(lock.acquire());
  auto victim = test::run_armed("lock.give_up.passed", [&] {
    for (;;) {
      if (lock.acquire(2ms)) lock.release();
    }
  });
  auto survivor = test::Child::run([&] {
    while (!stop.is_set()) {
      test::require(lock.acquire());
      lock.release();
    }
  });

  // Whoever is woken finds the lock taken again, and the victim's time-out passes.
  while (!test::has_ended(victim)) {
    lock.release();
    ASSERT_TRUE(lock.acquire());
    for (int spin = 0; spin < 50; ++spin) ::sched_yield();
  }

  stop.set();
  lock.release();
  EXPECT_EQ(survivor.wait(), test::exited(0));
  EXPECT_EQ(victim.wait(), test::killed_by(SIGKILL));
}

class RLockChaosTest : public testing::TestWithParam<test::Where> {};

TEST_P(RLockChaosTest, SurvivorsOfAKilledTakerFinish) {
  const auto [point, visit] = GetParam();
  kill_one_of_three(RLock(), point, visit, 1);
}

INSTANTIATE_TEST_SUITE_P(Points, RLockChaosTest,
                         testing::Combine(testing::Values("rlock.acquire.taken",
                                                          "rlock.release.cleared"),
                                          testing::Values(1, 2, 50)),
                         test::name_of);

/// Leaves the lock held by a dead process, and lets another die while it takes over from it.
template <class L>
std::pair<int, int> kill_holder_and_successor(const L& lock, const char* point) {
  auto holder = test::Child::run([&] {
    test::require(lock.acquire());
    test::hang_up_and_wait();
  });
  holder.await_hang_up();
  holder.kill(SIGKILL);
  holder.wait();
  auto successor = test::run_armed(point, [&] { (void)lock.acquire(); });
  EXPECT_EQ(successor.wait(), test::killed_by(SIGKILL));
  return {holder.pid(), successor.pid()};
}

template <class L>
int told_by(const L& lock) {
  try {
    return lock.acquire() ? 0 : -1;
  } catch (const LockOwnerDied& error) {
    return error.pid();
  }
}

TEST(RecoverChaosTest, SuccessorThatDiesHoldingIsTheOneWhoIsTalkedOf) {
  const Lock lock;
  const auto [holder, successor] = kill_holder_and_successor(lock, "lock.recover.taken");

  EXPECT_EQ(told_by(lock), successor) << "not " << holder;
  EXPECT_EQ(told_by(lock), 0);
}

TEST(RecoverChaosTest, SuccessorThatDiesAfterItFreedTheLockTakesTheNewsWithIt) {
  const Lock lock;
  (void)kill_holder_and_successor(lock, "lock.recover.freed");

  EXPECT_EQ(told_by(lock), 0);
}

TEST(RecoverChaosTest, RepairIsLeftToTheNext) {
  const RLock lock(Recovery::hold);
  (void)kill_holder_and_successor(lock, "lock.recover.taken");

  EXPECT_EQ(told_by(lock), 0);
  EXPECT_TRUE(lock.owner_died());
}

}  // namespace
}  // namespace multiprocessing
