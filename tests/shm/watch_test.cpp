// A sleeper is told of a death by whoever watches; nobody sleeps for ever.

#include "shm/watch.hpp"

#include <sys/time.h>

#include <csignal>
#include <optional>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "shm/object.hpp"
#include "shm/process_table.hpp"
#include "support/child.hpp"
#include "sys/clock.hpp"

namespace multiprocessing::shm {
namespace {

using Word = std::atomic<std::uint32_t>;

Word& shared_word() {
  static LocalHold* home = create_object(
      ObjectKind::test, 64, [](void* payload, const void*) { new (payload) Word(0); }, nullptr);
  return *payload<Word>(home->object);
}

// Sleeps until the family has counted another death; the time it took.
sys::Nanoseconds sleep_until_a_death(const Word& word) {
  const std::uint64_t before = arena().header().deaths.load();
  const sys::Nanoseconds start = sys::now();
  Sleeper sleeper(word);
  for (;;) {
    sleeper.note();
    if (arena().header().deaths.load() != before) break;
    if (!sleeper.sleep(0, start + 5'000'000'000)) break;
  }
  return sys::now() - start;
}

TEST(WatchTest, SleeperIsToldOfADeathWithinAHundredMilliseconds) {
  Word& word = shared_word();
  std::optional<ChildSlot> slot(std::in_place);
  auto victim = test::Child::run([&] {
    slot->become("victim");
    test::hang_up_and_wait();
  });
  slot->forked(victim.pid());
  slot.reset();
  victim.await_hang_up();
  victim.kill(SIGKILL);

  EXPECT_LT(sleep_until_a_death(word), 200'000'000);
  victim.wait();
}

TEST(WatchTest, DeadlineEndsASleepThatNobodyWakes) {
  Word& word = shared_word();
  Sleeper sleeper(word);
  const sys::Nanoseconds start = sys::now();
  const sys::Nanoseconds deadline = start + 120'000'000;

  bool in_time = true;
  while (in_time) {
    sleeper.note();
    in_time = sleeper.sleep(0, deadline);
  }

  EXPECT_GE(sys::now() - start, 120'000'000);
}

TEST(WatchTest, WakeReachesASleeperInAnotherProcess) {
  Word& word = shared_word();
  word.store(0);
  auto child = test::Child::run([&] {
    Sleeper sleeper(word);
    test::hang_up();
    for (;;) {
      sleeper.note();
      if (word.load() == 1) return;
      test::require(sleeper.sleep(0, sys::now() + 30'000'000'000));
    }
  });
  child.await_hang_up();

  word.store(1);
  wake(word, 1);

  EXPECT_EQ(child.wait(), test::exited(0));
  word.store(0);
}

TEST(WatchTest, SeatOfADeadWatcherIsTakenBySomebodyElse) {
  Word& word = shared_word();
  while (bury_the_dead() != 0) {  // of other tests: whoever takes the seat would find them
  }
  auto watcher = test::Child::run([&] {
    test::hang_up();
    (void)sleep_until_a_death(word);  // takes the seat after its first slice
    test::hang_up_and_wait();
  });
  watcher.await_hang_up();
  while (arena().header().seat.load() == 0) sys::yield();  // ends by ctest's time-out
  watcher.kill(SIGKILL);

  const sys::Nanoseconds took = sleep_until_a_death(word);

  EXPECT_LT(took, 2'000'000'000) << "one long slice at most, doubled for a loaded machine";
  watcher.wait();
}

TEST(WatchTest, SignalsThatInterruptEverySleepDoNotHideADeath) {
  Word& word = shared_word();
  struct sigaction action{};
  action.sa_handler = [](int) {};
  action.sa_flags = SA_RESTART;
  ASSERT_EQ(sigaction(SIGALRM, &action, nullptr), 0);
  auto victim = test::Child::run([] { test::hang_up_and_wait(); });
  victim.await_hang_up();
  const itimerval often{{0, 30000}, {0, 30000}};
  ASSERT_EQ(setitimer(ITIMER_REAL, &often, nullptr), 0);
  victim.kill(SIGKILL);

  const sys::Nanoseconds took = sleep_until_a_death(word);

  const itimerval never{};
  setitimer(ITIMER_REAL, &never, nullptr);
  EXPECT_LT(took, 400'000'000);
  victim.wait();
}

TEST(WatchTest, MoreSleepersThanNotesAreAllToldOfADeath) {
  Word& word = shared_word();
  auto victim = test::Child::run([] { test::hang_up_and_wait(); });
  victim.await_hang_up();
  std::vector<std::thread> threads;
  std::atomic<int> late{0};
  for (std::size_t i = 0; i < kNotes + 3; ++i) {
    threads.emplace_back([&] {
      if (sleep_until_a_death(word) > 3'000'000'000) ++late;
    });
  }
  while (arena().header().seat.load() == 0) sys::yield();  // all but a few are asleep by now

  victim.kill(SIGKILL);

  for (auto& thread : threads) thread.join();
  EXPECT_EQ(late, 0);
  victim.wait();
}

}  // namespace
}  // namespace multiprocessing::shm
