// A killed parent takes along whom it should, within a second, however they were started.

#include <multiprocessing/context.hpp>

#include <sched.h>
#include <unistd.h>

#include <csignal>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "process/each_start_method.hpp"
#include "support/chaos.hpp"
#include "support/child.hpp"
#include "sys/clock.hpp"

namespace multiprocessing {
namespace {

constexpr sys::Nanoseconds kTwiceTheBound = 2'000'000'000;

// Every process has a slot from before its birth to its end.
bool all_gone(int before) {
  const sys::Nanoseconds deadline = sys::deadline_after(kTwiceTheBound);
  while (test::taken_slots() != before) {
    if (sys::now() > deadline) return false;
    ::sched_yield();
  }
  return true;
}

// Neither SIGTERM nor a blocking call would end it.
void resist(const Semaphore& ready) {
  std::signal(SIGTERM, SIG_IGN);
  ready.release();
  for (volatile int spin = 0;;) spin = spin + 1;
}

void start_grandchild(StartMethod method, const Semaphore& ready) {
  get_context(method).Process({.daemon = true}, resist, ready).start();
  ready.release();
  for (;;) ::pause();
}

using StartOrphanTest = test::EachStartMethod;

INSTANTIATE_TEST_SUITE_P(Methods, StartOrphanTest, test::each_start_method(), test::name_of_method);

TEST_P(StartOrphanTest, DaemonicChildrenEndWithAKilledParent) {
  const int before = test::taken_slots();
  const Semaphore ready(0);
  auto program = test::Child::run([&] {
    for (int i = 0; i < 3; ++i) ctx().Process({.daemon = true}, resist, ready).start();
    for (;;) ::pause();
  });
  for (int i = 0; i < 3; ++i) ready.acquire();

  program.kill(SIGKILL);

  EXPECT_TRUE(all_gone(before));
}

TEST_P(StartOrphanTest, GrandchildrenEndWithAKilledRoot) {
  const int before = test::taken_slots();
  const Semaphore ready(0);
  auto program = test::Child::run([&] {
    ctx().Process({.die_with_parent = true}, start_grandchild, GetParam(), ready).start();
    for (;;) ::pause();
  });
  for (int i = 0; i < 2; ++i) ready.acquire();

  program.kill(SIGKILL);

  EXPECT_TRUE(all_gone(before));
}

TEST_P(StartOrphanTest, ParentKilledAtAnyTimeWhileItStartsLeavesNobody) {
  std::mt19937 random(4711);  // NOLINT(cert-msc51-cpp): the same moments each time
  const int before = test::taken_slots();
  for (int round = 0; round < 40; ++round) {
    auto program = test::Child::run([&] {
      for (int i = 0; i < 40; ++i) {
        ctx()
            .Process({.daemon = true},
                     [] {
                       for (;;) ::pause();
                     })
            .start();
      }
      for (;;) ::pause();
    });
    const auto kill_at = sys::now() + static_cast<sys::Nanoseconds>(random() % 30'000'000);
    while (sys::now() < kill_at) sys::yield();

    program.kill(SIGKILL);

    ASSERT_TRUE(all_gone(before)) << "round " << round;
  }
}

TEST_P(StartOrphanTest, OrdinaryChildOutlivesItsParentAndKnowsIt) {
  const int before = test::taken_slots();
  const Event up;
  const Queue<bool> told;
  auto program = test::Child::run([&] {
    ctx()
        .Process(
            [](const Event& started, const Queue<bool>& to) {
              started.set();
              const bool ended = parent_process()->join();
              to.put(ended && !parent_process()->is_alive());
            },
            up, told)
        .start();
    for (;;) ::pause();
  });
  up.wait();

  program.kill(SIGKILL);

  EXPECT_TRUE(told.get());
  EXPECT_TRUE(all_gone(before));
}

}  // namespace
}  // namespace multiprocessing
