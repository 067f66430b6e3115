// Kills a process at each point named in lib/sync/event_state.hpp. The others must finish.

#include <multiprocessing/synchronize.hpp>

#include <chrono>
#include <vector>

#include <gtest/gtest.h>

#include "support/chaos.hpp"
#include "support/child.hpp"
#include "sync/lock_support.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;

class EventChaosTest : public testing::TestWithParam<const char*> {};

TEST_P(EventChaosTest, SetterThatDiesReleasesAllWhoWaitOrNone) {
  const Event event;
  std::vector<test::Child> waiters;
  waiters.reserve(3);
  for (int i = 0; i < 3; ++i) {
    waiters.push_back(test::Child::run([&] { test::require(event.wait(1h)); }));
  }
  test::await([&] { return test::sleepers_on(event) == 3; });
  test::expect_death_at(GetParam(), 1, [&] {
    event.set();
    event.clear();
  });

  for (test::Child& waiter : waiters) EXPECT_EQ(waiter.wait(), test::exited(0));
}

INSTANTIATE_TEST_SUITE_P(Points, EventChaosTest,
                         testing::Values("event.set.raised", "event.clear.lowered"));

class EventWaiterChaosTest : public testing::TestWithParam<const char*> {};

TEST_P(EventWaiterChaosTest, WaiterThatDiesBlocksNobody) {
  const Event event;
  auto victim = test::run_armed(GetParam(), [&] { (void)event.wait(); });
  auto survivor = test::Child::run([&] { test::require(event.wait(1h)); });
  ASSERT_EQ(victim.wait(), test::killed_by(SIGKILL));

  event.set();

  EXPECT_EQ(survivor.wait(), test::exited(0));
  event.clear();
  EXPECT_FALSE(event.wait(0s));
}

INSTANTIATE_TEST_SUITE_P(Points, EventWaiterChaosTest,
                         testing::Values("event.wait.noted", "event.wait.expected",
                                         "event.wait.woken"));

}  // namespace
}  // namespace multiprocessing
