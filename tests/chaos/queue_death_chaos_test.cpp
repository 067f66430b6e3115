// Kills processes at one point or at any moment, and checks what only another one makes good:
// places, wake-ups and segments that the dead have left.

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdint>

#include <multiprocessing/queues.hpp>

#include "shm/arena.hpp"
#include "shm/block.hpp"
#include "shm/process_table.hpp"
#include "support/child.hpp"
#include "support/shared.hpp"
#include "sys/crash_point.hpp"
#include "sys/proc_stat.hpp"

namespace multiprocessing {
namespace {

using test::Child;
using test::require;

TEST(QueueChaosDeathTest, PlacesOfTheDeadAreFoundWhenTheQueueSeemsFull) {
  const Queue<int> queue(3);
  const auto die_at = [&](const char* point) {
    auto child = Child::run([&] {
      sys::arm_crash_point(point);
      for (int i = 0; i < 10; ++i) (void)queue.try_put(i);
    });
    EXPECT_EQ(child.wait(), test::killed_by(SIGKILL)) << point;
  };
  die_at("queue.put.credited");
  die_at("queue.put.credited");
  die_at("queue.credit.reclaimed");
  while (queue.try_get()) {
  }

  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(queue.try_put(i)) << i;
    ASSERT_FALSE(queue.try_put(3));
    for (int i = 0; i < 3; ++i) ASSERT_EQ(queue.get(), i);
  }
}

// The process has noted a word and the kernel has put it to sleep: after its announcement.
bool is_asleep(pid_t pid) {
  sys::ProcStat stat;
  if (!stat.read(pid) || stat.letter(sys::ProcStat::state) != 'S') return false;
  const std::uint64_t slots = shm::arena().header().slots_used.load();
  for (std::uint32_t i = 0; i < slots; ++i) {
    const shm::Slot& slot = shm::slot_at(i);
    if (slot.pid.load() != static_cast<std::uint32_t>(pid)) continue;
    for (const shm::SleepNote& note : slot.notes) {
      if (note.word.load() != 0) return true;
    }
  }
  return false;
}

TEST(QueueChaosDeathTest, SleeperIsWokenThoughItsWakerDied) {
  const Queue<int> queue;
  auto sleeper = Child::run([&] {
    test::hang_up();
    require(queue.get() == 1);
  });
  sleeper.await_hang_up();
  while (!is_asleep(sleeper.pid())) sched_yield();  // ends by ctest's time-out
  auto waker = Child::run([&] {
    sys::arm_crash_point("queue.wake.cleared");
    queue.put(1);
  });

  EXPECT_EQ(waker.wait(), test::killed_by(SIGKILL));
  EXPECT_EQ(sleeper.wait(), test::exited(0));
}

// Blocks that a drained queue keeps whose producer lives, so that its lane stays.
std::uint64_t kept_after(std::uint64_t items, int deaths) {
  (void)shm::bury_the_dead();
  const std::uint64_t before = shm::census().blocks;
  const Queue<std::uint64_t> queue;
  const Queue<int> turn;
  auto producer = Child::run([&] {
    for (std::uint64_t i = 0; i < items; ++i) queue.put(i);
    test::hang_up();
    (void)turn.get();
  });
  producer.await_hang_up();
  for (int i = 0; i < deaths; ++i) {
    auto consumer = Child::run([&] {
      sys::arm_crash_point("queue.pass.moved");
      for (;;) (void)queue.get();
    });
    EXPECT_EQ(consumer.wait(), test::killed_by(SIGKILL));
  }
  (void)shm::bury_the_dead();
  while (queue.try_get()) {
  }
  const std::uint64_t kept = shm::census().blocks - before;
  turn.put(1);
  EXPECT_EQ(producer.wait(), test::exited(0));
  return kept;
}

TEST(QueueChaosDeathTest, SegmentsThatTheDeadHadPassedGoBeforeTheirLane) {
  (void)kept_after(1, 0);
  EXPECT_EQ(kept_after(100'000, 4), kept_after(100'000, 0));
}

TEST(QueueChaosDeathTest, LastSegmentThatTheDeadHadPassedGoesBeforeItsLane) {
  (void)kept_after(1, 0);
  EXPECT_EQ(kept_after(200, 1), kept_after(200, 0));
}

TEST(QueueChaosDeathTest, KilledAtAnyMomentNothingComesTwice) {
  constexpr std::uint32_t kRounds = 60, kEach = 2000;
  struct Diary {
    std::array<std::atomic<std::uint8_t>, kRounds * kEach> put{};
    std::array<std::atomic<std::uint8_t>, kRounds * kEach> got{};
  };
  const Queue<std::uint32_t> queue(16);
  test::Shared<Diary> diary;
  for (std::uint32_t round = 0; round < kRounds; ++round) {
    auto victim = Child::run([&] {
      test::hang_up();
      for (std::uint32_t i = 0; i < kEach; ++i) {
        queue.put(round * kEach + i);
        diary->put[round * kEach + i].store(1);
        if (const auto item = queue.try_get()) diary->got[*item].fetch_add(1);
      }
      test::hang_up_and_wait();
    });
    victim.await_hang_up();
    ::usleep(round * 7);  // any moment will do, a later one each round
    victim.kill(SIGKILL);
    (void)victim.wait();
    while (const auto item = queue.try_get()) diary->got[*item].fetch_add(1);
    std::uint32_t lost = 0;
    for (std::uint32_t i = round * kEach; i < (round + 1) * kEach; ++i) {
      ASSERT_LE(diary->got[i].load(), 1);
      if (diary->put[i].load() != 0 && diary->got[i].load() == 0) ++lost;
    }
    EXPECT_LE(lost, 1U);
    for (std::uint32_t i = 0; i < 16; ++i) ASSERT_TRUE(queue.try_put(i)) << round;
    ASSERT_FALSE(queue.try_put(0));
    for (std::uint32_t i = 0; i < 16; ++i) ASSERT_EQ(queue.get(), i);
  }
}

}  // namespace
}  // namespace multiprocessing
