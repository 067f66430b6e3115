// Barrier of one process; the names follow Python's lock_tests.

#include <multiprocessing/threading.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <stdexcept>

#include <gtest/gtest.h>

#include "threading/bunch.hpp"

namespace multiprocessing::threading {
namespace {

using namespace std::chrono_literals;
using test::Bunch;

constexpr int kParties = 5;

/// Whether `f` found the barrier broken.
template <class F>
bool is_broken_by(F f) {
  try {
    f();
    return false;
  } catch (const BrokenBarrierError&) {
    return true;
  }
}

TEST(ThreadBarrierTest, NeedsAParty) {
  EXPECT_THROW(Barrier(0), ValueError);
  EXPECT_THROW(Barrier(-1), ValueError);
}

TEST(ThreadBarrierTest, PartiesGoInLockstepForManyCycles) {
  const Barrier barrier(kParties);
  std::array<std::atomic<int>, kParties> steps{};
  std::atomic<bool> apart{false};
  Bunch(kParties, [&](int me) {
    for (int cycle = 1; cycle <= 50; ++cycle) {
      ++steps[static_cast<std::size_t>(me)];
      barrier.wait();
      for (const auto& step : steps) apart = apart || step < cycle;
      barrier.wait();
    }
  });
  EXPECT_FALSE(apart);
  EXPECT_EQ(barrier.n_waiting(), 0);
  EXPECT_FALSE(barrier.broken());
}

TEST(ThreadBarrierTest, EachPartyGetsAnIndexOfItsOwn) {
  const Barrier barrier(kParties);
  std::atomic<int> seen{0};
  Bunch(kParties, [&](int) { seen |= 1 << barrier.wait(); });
  EXPECT_EQ(seen, (1 << kParties) - 1);
}

TEST(ThreadBarrierTest, ActionRunsOnceBeforeAnyGoesOn) {
  std::atomic<int> runs{0};
  const Barrier barrier(kParties, [&runs] { ++runs; });
  std::atomic<int> early{0};
  Bunch(kParties, [&](int) {
    barrier.wait();
    early += runs == 1 ? 0 : 1;
  });
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(early, 0);
}

TEST(ThreadBarrierTest, ActionThatThrowsBreaksItForTheOthers) {
  const Barrier barrier(2, [] { throw std::runtime_error("no"); });
  std::atomic<int> broken{0};
  std::atomic<int> thrown{0};
  Bunch(2, [&](int) {
    try {
      broken += is_broken_by([&] { barrier.wait(); }) ? 1 : 0;
    } catch (const std::runtime_error&) {
      ++thrown;
    }
  });
  EXPECT_EQ(broken + thrown, 2);
  EXPECT_GE(thrown, 1);
  EXPECT_TRUE(barrier.broken());
}

TEST(ThreadBarrierTest, AbortBreaksItForAllUntilReset) {
  const Barrier barrier(kParties);
  std::atomic<int> broken{0};
  Bunch(kParties, [&](int me) {
    if (me == 0) return barrier.abort();
    broken += is_broken_by([&] { barrier.wait(); }) ? 1 : 0;
  });
  EXPECT_EQ(broken, kParties - 1);
  EXPECT_TRUE(barrier.broken());
  EXPECT_THROW(barrier.wait(), BrokenBarrierError);

  barrier.reset();
  EXPECT_FALSE(barrier.broken());
  Bunch(kParties, [&](int) { barrier.wait(); });
}

TEST(ThreadBarrierTest, ResetFreesWhoWaitsAndLeavesItWhole) {
  const Barrier barrier(kParties);
  std::atomic<int> broken{0};
  Bunch bunch(kParties - 1, [&](int) { broken += is_broken_by([&] { barrier.wait(); }) ? 1 : 0; });
  test::await([&] { return barrier.n_waiting() == kParties - 1; });

  barrier.reset();

  bunch.join();
  EXPECT_EQ(broken, kParties - 1);
  EXPECT_FALSE(barrier.broken());
  Bunch(kParties, [&](int) { barrier.wait(); });
}

TEST(ThreadBarrierTest, TimeoutBreaksItForAll) {
  const Barrier barrier(kParties);
  std::atomic<int> broken{0};
  Bunch(kParties - 1, [&](int me) {
    broken += is_broken_by([&] { barrier.wait(me == 0 ? Timeout(30ms) : Timeout()); }) ? 1 : 0;
  });
  EXPECT_EQ(broken, kParties - 1);
  EXPECT_TRUE(barrier.broken());
}

TEST(ThreadBarrierTest, DefaultTimeoutIsTheConstructors) {
  const Barrier barrier(2, {}, 30ms);
  EXPECT_THROW(barrier.wait(), BrokenBarrierError);
}

TEST(ThreadBarrierTest, SinglePartyNeverWaits) {
  const Barrier barrier(1);
  EXPECT_EQ(barrier.wait(), 0);
  EXPECT_EQ(barrier.wait(), 0);
  EXPECT_EQ(barrier.parties(), 1);
}

}  // namespace
}  // namespace multiprocessing::threading
