// Kills a process at each point named in lib/sync/condition_state.hpp. The others must finish.

#include <multiprocessing/synchronize.hpp>

#include <sched.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/chaos.hpp"
#include "support/child.hpp"
#include "support/shared.hpp"
#include "sync/condition_support.hpp"
#include "sys/crash_point.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;

struct Box {
  std::atomic<int> items{0};
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
  for (;;) {
    while (!repair && box.items.load() > 0) ::sched_yield();
    const std::lock_guard guard(condition);
    if (repair && lock.owner_died()) condition.notify_all();
    if (box.items.load() > 0) continue;
    ++box.items;
    condition.notify();
  }
}

class ConditionChaosTest : public testing::TestWithParam<test::Where> {};

TEST_P(ConditionChaosTest, SurvivorsOfAKilledWaiterLoseNoNotification) {
  const auto [point, visit] = GetParam();
  const RLock lock(Recovery::hold);
  const Condition condition(lock);
  const bool returned = point == std::string("condition.wait.freed");
  const test::Shared<Box> box;
  test::ChaosRun run;
  run.victim(point, visit, [&] { consume(condition, *box, 1'000'000); });
  for (int i = 0; i < 2; ++i) run.survivor([&] { consume(condition, *box, 100); });
  run.crowd([&] { produce(lock, condition, *box, returned); });

  run.expect_survival();
}

INSTANTIATE_TEST_SUITE_P(
    Points, ConditionChaosTest,
    testing::Combine(testing::Values("condition.wait.claimed", "condition.wait.released",
                                     "condition.wait.noted", "condition.wait.woken",
                                     "condition.wait.acquired", "condition.wait.freed"),
                     testing::Values(1, 2, 7)),
    test::name_of);

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
  test::expect_death_at("condition.notify.notified", 2, [&] {
    const std::lock_guard guard(condition);
    condition.notify_all();
  });

  EXPECT_EQ(waiters[0].wait(), test::exited(0));
  EXPECT_EQ(waiters[1].wait(), test::exited(0));
  EXPECT_FALSE(test::has_ended(waiters[2]));
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
  test::expect_death_at("condition.grow.linked", 1, [&] {
    const std::lock_guard guard(condition);
    (void)condition.wait();
  });

  auto survivor = run_waiter(condition);
  {
    const std::lock_guard guard(condition);
    condition.notify_all();
  }

  EXPECT_EQ(survivor.wait(), test::exited(0));
}

TEST(ConditionPageChaosTest, ConditionHalfDestroyedIsDestroyedByTheSweep) {
  (void)Condition();
  const auto before = test::blocks_in_use();
  auto victim = test::Child::run([] {
    const Condition condition;
    fill(condition, 2 * sync::kCells + 1);
    sys::arm_crash_point("condition.destroy.unlinked");
  });
  ASSERT_EQ(victim.wait(), test::killed_by(SIGKILL));

  EXPECT_EQ(test::blocks_in_use(), before);
}

}  // namespace
}  // namespace multiprocessing
