// Barrier within one process; the names follow Python's BarrierTests.

#include <multiprocessing/synchronize.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <stdexcept>
#include <thread>
#include <unordered_set>
#include <vector>

#include <gtest/gtest.h>

#include "sync/barrier_state.hpp"
#include "sync/lock_support.hpp"

namespace multiprocessing {
namespace {

using namespace std::chrono_literals;
using sync::Outcome;

void run_threads(int count, const std::function<void(int)>& body) {
  std::vector<std::thread> threads;
  threads.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) threads.emplace_back(body, i);
  for (std::thread& thread : threads) thread.join();
}

bool breaks(const Barrier& barrier, Timeout timeout = {}) {
  try {
    (void)barrier.wait(timeout);
  } catch (const BrokenBarrierError&) {
    return true;
  }
  return false;
}

TEST(BarrierTest, AllPartiesGoOnTogetherAgainAndAgain) {
  const Barrier barrier(4);
  std::atomic<int> arrived{0};

  run_threads(4, [&](int /*i*/) {
    for (int round = 1; round <= 200; ++round) {
      ++arrived;
      (void)barrier.wait();
      EXPECT_GE(arrived.load(), 4 * round);
      (void)barrier.wait();
    }
  });

  EXPECT_EQ(barrier.n_waiting(), 0);
  EXPECT_FALSE(barrier.broken());
}

TEST(BarrierTest, IndicesAreThoseOfTheOrderOfArrival) {
  const Barrier barrier(3);
  std::vector<std::atomic<int>> seen(3);

  run_threads(3, [&](int /*i*/) { ++seen[static_cast<std::size_t>(barrier.wait())]; });

  for (const auto& count : seen) EXPECT_EQ(count.load(), 1);
  EXPECT_EQ(barrier.parties(), 3);
  EXPECT_EQ(Barrier(1).wait(), 0);
}

std::atomic<int> runs{0};
void count_run() {
  ++runs;
}

TEST(BarrierTest, ActionRunsOnceAPhaseBeforeTheOthersGoOn) {
  const Barrier barrier(3, count_run);
  runs = 0;

  run_threads(3, [&](int /*i*/) {
    for (int round = 1; round <= 20; round += 2) {
      (void)barrier.wait();
      EXPECT_EQ(runs.load(), round);
      (void)barrier.wait();
    }
  });

  EXPECT_EQ(runs.load(), 20);
}

TEST(BarrierTest, ActionThatThrowsBreaksTheBarrier) {
  const Barrier barrier(2, [] { throw std::domain_error("no"); });
  std::atomic<int> thrown{0};
  std::atomic<int> broken{0};

  run_threads(2, [&](int /*i*/) {
    try {
      (void)barrier.wait();
    } catch (const std::domain_error&) {
      ++thrown;
    } catch (const BrokenBarrierError&) {
      ++broken;
    }
  });

  EXPECT_EQ(thrown.load(), 1);
  EXPECT_EQ(broken.load(), 1);
  EXPECT_TRUE(barrier.broken());
}

TEST(BarrierTest, ActionMayHoldHandlesThatLiveWithTheBarrier) {
  const Event ran;
  const Barrier barrier(1, partial([](const Event& event) { event.set(); }, ran));

  EXPECT_EQ(barrier.wait(), 0);

  EXPECT_TRUE(ran.is_set());
}

TEST(BarrierTest, TimeoutBreaksTheBarrier) {
  const Barrier barrier(2);
  EXPECT_TRUE(breaks(barrier, 60ms));
  EXPECT_TRUE(barrier.broken());
  EXPECT_TRUE(breaks(barrier)) << "one who comes late";

  const Barrier patient(2, {}, 60ms);
  EXPECT_TRUE(breaks(patient));
}

TEST(BarrierTest, AbortBreaksItForThoseWhoWaitUntilReset) {
  const Barrier barrier(3);
  std::thread aborter([&] {
    test::await([&] { return barrier.n_waiting() == 1; });
    barrier.abort();
  });
  EXPECT_TRUE(breaks(barrier));
  aborter.join();
  EXPECT_TRUE(barrier.broken());
  EXPECT_EQ(barrier.n_waiting(), 0);

  barrier.reset();

  EXPECT_FALSE(barrier.broken());
  run_threads(3, [&](int /*i*/) { EXPECT_FALSE(breaks(barrier)); });
}

TEST(BarrierTest, ResetBreaksItForThoseWhoWaitOnly) {
  const Barrier barrier(2);
  std::thread resetter([&] {
    test::await([&] { return test::sleepers_on(barrier) == 1; });
    barrier.reset();
  });
  EXPECT_TRUE(breaks(barrier));
  resetter.join();

  EXPECT_FALSE(barrier.broken());
  run_threads(2, [&](int /*i*/) { EXPECT_FALSE(breaks(barrier)); });
}

// The word remembers the outcomes of 16 phases: a released party that more of them pass before it
// runs again is told that the barrier broke. So no round here has more than 16.
TEST(BarrierTest, MoreThreadsThanPartiesTakeTurns) {
  for (int round = 0; round < 40; ++round) {
    const Barrier barrier(2, [] { std::this_thread::yield(); });
    std::atomic<int> arrivals{32};

    run_threads(6, [&](int /*i*/) {
      while (arrivals.fetch_sub(1) > 0) (void)barrier.wait();
    });

    EXPECT_EQ(barrier.n_waiting(), 0);
  }
}

TEST(BarrierTest, MoreThreadsMayWaitThanASlotHasNotes) {
  const Barrier barrier(shm::kIntents + 8);

  run_threads(shm::kIntents + 8, [&](int /*i*/) { EXPECT_FALSE(breaks(barrier)); });

  for (const auto& intent : shm::own_slot().intents) EXPECT_EQ(intent.load(), 0U);
}

TEST(BarrierTest, FewerThanOnePartyThrows) {
  EXPECT_THROW(Barrier(0), ValueError);
  EXPECT_THROW(Barrier(-1), ValueError);
  EXPECT_THROW(Barrier(1 << 15), ValueError);
}

TEST(BarrierTest, OutcomeIsReadFromTheHistoryForSixteenPhases) {
  std::atomic<sync::BarrierWord> word{0};
  const auto end = [&](Outcome outcome) { word = sync::next_phase(word, outcome); };
  end(Outcome::released);
  end(Outcome::broken);
  EXPECT_EQ(sync::outcome_of(word, 0), Outcome::released);
  EXPECT_EQ(sync::outcome_of(word, 1), Outcome::broken);
  EXPECT_EQ(sync::outcome_of(word, 2), Outcome::none);

  for (int i = 0; i < 14; ++i) end(i % 2 == 0 ? Outcome::released : Outcome::broken);
  EXPECT_EQ(sync::outcome_of(word, 0), Outcome::released);
  EXPECT_EQ(sync::outcome_of(word, 1), Outcome::broken);
  EXPECT_EQ(sync::outcome_of(word, 2), Outcome::released);
  EXPECT_EQ(sync::outcome_of(word, 15), Outcome::broken);

  end(Outcome::released);
  EXPECT_EQ(sync::outcome_of(word, 0), Outcome::broken) << "too late to know";
  EXPECT_EQ(sync::outcome_of(word, 2), Outcome::released);
}

TEST(BarrierTest, CopiesAndIdsAreTheSameBarrier) {
  const Barrier barrier(2);
  const Barrier found = Barrier::from_handle_id(barrier.handle_id());

  found.abort();

  EXPECT_TRUE(barrier.broken());
  EXPECT_EQ(found, barrier);
  EXPECT_NE(Barrier(2), barrier);
  EXPECT_EQ(std::unordered_set<Barrier>({barrier, found}).size(), 1U);
  EXPECT_THROW(Barrier::from_handle_id(Lock().handle_id()), ValueError);
  static_assert(is_transferable_v<Barrier>);
}

}  // namespace
}  // namespace multiprocessing
