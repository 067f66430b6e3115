// Kills a process at each point named in lib/sync/semaphore_state.hpp, condition_state.hpp and
// barrier_state.hpp. The others must finish.

#include <multiprocessing/synchronize.hpp>

#include <sched.h>
#include <sys/wait.h>

#include <atomic>
#include <cctype>
#include <chrono>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "shm/block.hpp"
#include "shm/process_table.hpp"
#include "support/child.hpp"
#include "support/shared.hpp"
#include "sync/condition_support.hpp"
#include "sys/crash_point.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using Where = std::tuple<const char*, int>;

std::string name_of(const testing::TestParamInfo<Where>& info) {
  std::string name;
  for (const char* c = std::get<0>(info.param); *c != '\0'; ++c) {
    if (std::isalnum(static_cast<unsigned char>(*c)) != 0) name += *c;
  }
  return name + "At" + std::to_string(std::get<1>(info.param));
}

bool has_ended(const test::Child& child) {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(child.pid()), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid != 0;
}

// Semaphore

void take_turns(const Semaphore& semaphore, long rounds) {
  for (long i = 0; i < rounds; ++i) {
    const Timeout patience = i % 3 == 0 ? Timeout(300us) : Timeout();
    if (!semaphore.acquire(patience)) continue;
    for (int spin = 0; spin < 20; ++spin) ::sched_yield();
    semaphore.release();
  }
}

class SemaphoreChaosTest : public testing::TestWithParam<Where> {};

TEST_P(SemaphoreChaosTest, SurvivorsGoOnWithThePermitsThatAreLeft) {
  const auto [point, visit] = GetParam();
  const Semaphore semaphore(2);
  auto victim = test::Child::run([&, point = point, visit = visit] {
    sys::arm_crash_point(point, visit);
    take_turns(semaphore, 1'000'000);
  });
  std::vector<test::Child> survivors;
  survivors.reserve(3);
  for (int i = 0; i < 3; ++i) {
    survivors.push_back(test::Child::run([&] { take_turns(semaphore, 400); }));
  }
  auto crowd = test::Child::run([&] { take_turns(semaphore, 1'000'000); });
  auto rest = test::Child::run([&] { take_turns(semaphore, 1'000'000); });

  ASSERT_EQ(victim.wait(), test::killed_by(SIGKILL));

  for (test::Child& survivor : survivors) ASSERT_EQ(survivor.wait(), test::exited(0));
}

INSTANTIATE_TEST_SUITE_P(
    Points, SemaphoreChaosTest,
    testing::Combine(testing::Values("semaphore.acquire.taken", "semaphore.wait.noted",
                                     "semaphore.wait.marked", "semaphore.wait.woken",
                                     "semaphore.release.given"),
                     testing::Values(1, 2, 7)),
    name_of);

TEST(SemaphoreGiveUpChaosTest, SleeperThatDiesWhileItPassesAWakeUpOnBlocksNobody) {
  const Semaphore semaphore(0);
  const Event stop;
  auto victim = test::Child::run([&] {
    sys::arm_crash_point("semaphore.give_up.passed");
    for (;;) {
      if (semaphore.acquire(2ms)) semaphore.release();
    }
  });
  auto survivor = test::Child::run([&] {
    while (!stop.is_set()) {
      test::require(semaphore.acquire());
      semaphore.release();
    }
  });

  // Whoever is woken finds no permit again, and the victim's time-out passes.
  while (!has_ended(victim)) {
    semaphore.release();
    ASSERT_TRUE(semaphore.acquire());
    for (int spin = 0; spin < 50; ++spin) ::sched_yield();
  }

  stop.set();
  semaphore.release();
  EXPECT_EQ(survivor.wait(), test::exited(0));
  EXPECT_EQ(victim.wait(), test::killed_by(SIGKILL));
}

// Condition

struct Box {
  std::atomic<int> items{0};
  std::atomic<bool> stop{false};
};

void consume(const Condition& condition, Box& box, long count) {
  for (long i = 0; i < count; ++i) {
    const std::lock_guard guard(condition);
    test::require(condition.wait_for([&] { return box.items.load() > 0; }, 1h));
    --box.items;
  }
}

/// One item at a time, for which one is notified: a notification lost stops everybody.
/// `repair`: one that died after `wait` had returned to it is made good by whoever is told.
void produce(const RLock& lock, const Condition& condition, Box& box, bool repair) {
  while (!box.stop.load()) {
    while (!repair && !box.stop.load() && box.items.load() > 0) ::sched_yield();
    const std::lock_guard guard(condition);
    if (repair && lock.owner_died()) condition.notify_all();
    if (box.items.load() > 0) continue;
    ++box.items;
    condition.notify();
  }
}

class ConditionChaosTest : public testing::TestWithParam<Where> {};

TEST_P(ConditionChaosTest, SurvivorsOfAKilledWaiterLoseNoNotification) {
  const auto [point, visit] = GetParam();
  const RLock lock(Recovery::hold);
  const Condition condition(lock);
  const bool returned = point == std::string("condition.wait.freed");
  const test::Shared<Box> box;
  auto victim = test::Child::run([&, point = point, visit = visit] {
    sys::arm_crash_point(point, visit);
    consume(condition, *box, 1'000'000);
  });
  std::vector<test::Child> survivors;
  survivors.reserve(2);
  for (int i = 0; i < 2; ++i) {
    survivors.push_back(test::Child::run([&] { consume(condition, *box, 100); }));
  }
  auto producer = test::Child::run([&] { produce(lock, condition, *box, returned); });

  ASSERT_EQ(victim.wait(), test::killed_by(SIGKILL));

  for (test::Child& survivor : survivors) ASSERT_EQ(survivor.wait(), test::exited(0));
  box->stop.store(true);
  EXPECT_EQ(producer.wait(), test::exited(0));
}

INSTANTIATE_TEST_SUITE_P(
    Points, ConditionChaosTest,
    testing::Combine(testing::Values("condition.wait.claimed", "condition.wait.released",
                                     "condition.wait.noted", "condition.wait.woken",
                                     "condition.wait.acquired", "condition.wait.freed"),
                     testing::Values(1, 2, 7)),
    name_of);

test::Child run_waiter(const Condition& condition, const char* point = nullptr) {
  const int already = test::waiters_of(condition);
  auto waiter = test::Child::run([&] {
    if (point != nullptr) sys::arm_crash_point(point);
    const std::lock_guard guard(condition);
    try {
      test::require(condition.wait(1h));
    } catch (const LockOwnerDied&) {  // told, holding the lock
    }
  });
  test::await([&] { return test::waiters_of(condition) == already + 1; });
  return waiter;
}

TEST(ConditionTakeOverChaosTest, NotificationGoesFromTheDeadToTheDeadToTheLiving) {
  const Condition condition;
  auto first = run_waiter(condition);
  auto second = run_waiter(condition, "condition.take.taken");
  auto third = run_waiter(condition);
  third.kill(SIGSTOP);

  {
    const std::lock_guard guard(condition);
    condition.notify();
    first.kill(SIGKILL);
    first.wait();
  }
  EXPECT_EQ(second.wait(), test::killed_by(SIGKILL));
  third.kill(SIGCONT);

  EXPECT_EQ(third.wait(), test::exited(0));
  const std::lock_guard guard(condition);
  EXPECT_FALSE(condition.wait(0s));
}

TEST(ConditionTakeOverChaosTest, OneWhoDiesWhilePassingANotificationOnHasPassedIt) {
  const Condition condition;
  auto victim = run_waiter(condition, "condition.pass.given");
  auto survivor = run_waiter(condition);
  auto holder = test::Child::run([&] {
    condition.acquire();
    condition.notify();
    test::hang_up_and_wait();
  });
  holder.await_hang_up();

  holder.kill(SIGKILL);  // the victim is told of it, and does not use its notification

  EXPECT_EQ(victim.wait(), test::killed_by(SIGKILL));
  EXPECT_EQ(survivor.wait(), test::exited(0));
}

TEST(ConditionNotifyChaosTest, NotifierThatDiesHasNotifiedThoseItHadComeTo) {
  const Condition condition{RLock(Recovery::silent)};
  std::vector<test::Child> waiters;
  waiters.reserve(3);
  for (int i = 0; i < 3; ++i) waiters.push_back(run_waiter(condition));
  auto notifier = test::Child::run([&] {
    sys::arm_crash_point("condition.notify.notified", 2);
    const std::lock_guard guard(condition);
    condition.notify_all();
  });
  ASSERT_EQ(notifier.wait(), test::killed_by(SIGKILL));

  EXPECT_EQ(waiters[0].wait(), test::exited(0));
  EXPECT_EQ(waiters[1].wait(), test::exited(0));
  EXPECT_FALSE(has_ended(waiters[2]));
  const std::lock_guard guard(condition);
  condition.notify_all();
}

/// Fills whole pages of cells.
void fill(const Condition& condition, std::size_t cells) {
  condition.acquire();
  auto& state = test::state_of<sync::ConditionState>(condition);
  for (std::size_t i = 0; i < cells; ++i) (void)sync::claim_cell(state, sync::caller());
  condition.release();
}

TEST(ConditionPageChaosTest, PageOfOneWhoDiedIsUsedByOthers) {
  const Condition condition{RLock(Recovery::silent)};
  auto crowd = test::Child::run([&] {
    fill(condition, sync::kCells);
    test::hang_up_and_wait();
  });
  crowd.await_hang_up();
  auto victim = test::Child::run([&] {
    sys::arm_crash_point("condition.grow.linked");
    const std::lock_guard guard(condition);
    (void)condition.wait();
  });
  ASSERT_EQ(victim.wait(), test::killed_by(SIGKILL));

  auto survivor = run_waiter(condition);
  {
    const std::lock_guard guard(condition);
    condition.notify_all();
  }

  EXPECT_EQ(survivor.wait(), test::exited(0));
}

TEST(ConditionPageChaosTest, ConditionHalfDestroyedIsDestroyedByTheSweep) {
  (void)Condition();
  const auto before = shm::census().blocks;
  auto victim = test::Child::run([] {
    const Condition condition;
    fill(condition, 2 * sync::kCells + 1);
    sys::arm_crash_point("condition.destroy.unlinked");
  });
  ASSERT_EQ(victim.wait(), test::killed_by(SIGKILL));

  test::await([] { return shm::bury_the_dead() == 0; });

  EXPECT_EQ(shm::census().blocks, before);
}

// Barrier

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
  return test::Child::run([&barrier, point, act] {
    sys::arm_crash_point(point);
    act(barrier);
  });
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
  auto sweeper = test::Child::run([] {
    sys::arm_crash_point("barrier.sweep.broken");
    (void)shm::bury_the_dead();
  });
  ASSERT_EQ(sweeper.wait(), test::killed_by(SIGKILL));

  survivor.kill(SIGCONT);

  EXPECT_EQ(survivor.wait(), test::exited(0));
  test::await([] { return shm::bury_the_dead() == 0; });
  expect_usable_after_reset(barrier);
}

}  // namespace
}  // namespace multiprocessing
