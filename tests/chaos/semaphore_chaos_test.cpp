// Kills a process at each point named in lib/sync/semaphore_state.hpp. The others must finish.

#include <multiprocessing/synchronize.hpp>

#include <sched.h>

#include <chrono>

#include <gtest/gtest.h>

#include "support/chaos.hpp"
#include "support/child.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;

void take_turns(const Semaphore& semaphore, long rounds) {
  for (long i = 0; i < rounds; ++i) {
    const Timeout patience = i % 3 == 0 ? Timeout(300us) : Timeout();
    if (!semaphore.acquire(patience)) continue;
    for (int spin = 0; spin < 20; ++spin) ::sched_yield();
    semaphore.release();
  }
}

class SemaphoreChaosTest : public testing::TestWithParam<test::Where> {};

TEST_P(SemaphoreChaosTest, SurvivorsGoOnWithThePermitsThatAreLeft) {
  const auto [point, visit] = GetParam();
  const Semaphore semaphore(2);
  test::ChaosRun run;
  run.victim(point, visit, [&] { take_turns(semaphore, 1'000'000); });
  for (int i = 0; i < 3; ++i) run.survivor([&] { take_turns(semaphore, 400); });
  for (int i = 0; i < 2; ++i) run.crowd([&] { take_turns(semaphore, 1'000'000); });

  run.expect_survival();
}

INSTANTIATE_TEST_SUITE_P(
    Points, SemaphoreChaosTest,
    testing::Combine(testing::Values("semaphore.acquire.taken", "semaphore.wait.noted",
                                     "semaphore.wait.marked", "semaphore.wait.woken",
                                     "semaphore.release.given"),
                     testing::Values(1, 2, 7)),
    test::name_of);

TEST(SemaphoreGiveUpChaosTest, SleeperThatDiesWhileItPassesAWakeUpOnBlocksNobody) {
  const Semaphore semaphore(0);
  const Event stop;
  auto victim = test::run_armed("semaphore.give_up.passed", [&] {
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
  while (!test::has_ended(victim)) {
    semaphore.release();
    ASSERT_TRUE(semaphore.acquire());
    for (int spin = 0; spin < 50; ++spin) ::sched_yield();
  }

  stop.set();
  semaphore.release();
  EXPECT_EQ(survivor.wait(), test::exited(0));
  EXPECT_EQ(victim.wait(), test::killed_by(SIGKILL));
}

}  // namespace
}  // namespace multiprocessing
