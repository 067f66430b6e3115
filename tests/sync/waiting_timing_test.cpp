// The bounds of Condition and Barrier after a death, with twice the bound. Run alone.

#include <multiprocessing/synchronize.hpp>

#include <atomic>
#include <chrono>
#include <vector>

#include <gtest/gtest.h>

#include "support/child.hpp"
#include "support/shared.hpp"
#include "sync/condition_support.hpp"
#include "sys/clock.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;

constexpr sys::Nanoseconds kTwiceASecond = 2'000'000'000;

TEST(BarrierTimingTest, PartyThatIsKilledBreaksItForTheOthersWithinASecond) {
  for (int round = 0; round < 5; ++round) {
    const Barrier barrier(4);
    const test::Shared<std::atomic<sys::Nanoseconds>> last(0);
    std::vector<test::Child> parties;
    parties.reserve(3);
    for (int i = 0; i < 3; ++i) {
      parties.push_back(test::Child::run([&] {
        try {
          (void)barrier.wait();
        } catch (const BrokenBarrierError&) {
          last->store(sys::now());
        }
      }));
    }
    test::await([&] { return test::sleepers_on(barrier) == 3; });

    const sys::Nanoseconds killed_at = sys::now();
    parties[0].kill(SIGKILL);

    EXPECT_EQ(parties[1].wait(), test::exited(0));
    EXPECT_EQ(parties[2].wait(), test::exited(0));
    EXPECT_GT(last->load(), 0);
    EXPECT_LT(last->load() - killed_at, kTwiceASecond);
  }
}

TEST(ConditionTimingTest, NotifyAllDoesNotWaitForTheDead) {
  const Condition condition;
  std::vector<test::Child> waiters;
  waiters.reserve(8);
  for (int i = 0; i < 8; ++i) {
    waiters.push_back(test::Child::run([&] {
      condition.acquire();
      (void)condition.wait();
    }));
  }
  test::await([&] { return test::waiters_of(condition) == 8; });
  for (test::Child& waiter : waiters) waiter.kill(SIGSTOP);

  const sys::Nanoseconds start = sys::now();
  condition.acquire();
  condition.notify_all();
  condition.release();

  EXPECT_LT(sys::now() - start, 200'000'000);
  for (test::Child& waiter : waiters) waiter.kill(SIGKILL);
}

}  // namespace
}  // namespace multiprocessing
