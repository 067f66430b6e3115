// The moves of a lock's word and the lock on plain memory, with threads.

#include "sync/lock_word.hpp"

#include <sched.h>

#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <multiprocessing/detail/timeout.hpp>

#include "sync/event_state.hpp"
#include "sync/lock_state.hpp"

namespace multiprocessing::sync {
namespace {

constexpr shm::Name kFirst{0, 1};
constexpr shm::Name kLast{shm::kMaxSlots - 1, shm::kGenerationMask};

TEST(LockWordTest, EveryNameSurvivesPacking) {
  for (const shm::Name name : {kFirst, kLast, shm::Name{17, 1ULL << 31U}}) {
    EXPECT_EQ(owner_of(held_by(name)), name);
    EXPECT_EQ(owner_of(held_by(name) | kWaiters), name);
    EXPECT_EQ(owner_part(held_by(name) | kWaiters), held_by(name));
  }
  EXPECT_TRUE(owner_of(kFree).nobody());
}

TEST(LockWordTest, OnlyAFreeWordIsTaken) {
  std::atomic<LockWord> word{kFree};

  EXPECT_TRUE(take_free(word, held_by(kFirst)));

  EXPECT_EQ(word.load(), held_by(kFirst));
  EXPECT_FALSE(take_free(word, held_by(kLast)));
  EXPECT_EQ(word.load(), held_by(kFirst));
}

TEST(LockWordTest, TakerThatWasWokenLeavesTheOthersTheirWakeUp) {
  std::atomic<LockWord> word{kFree};

  EXPECT_TRUE(take_free(word, held_by(kFirst), true));

  EXPECT_EQ(set_free(word), held_by(kFirst) | kWaiters);
}

TEST(LockWordTest, TakingOverKeepsTheWaiters) {
  std::atomic<LockWord> word{held_by(kFirst) | kWaiters};

  EXPECT_FALSE(take_over(word, held_by(kFirst), held_by(kLast), false)) << "the word has moved on";
  EXPECT_TRUE(take_over(word, held_by(kFirst) | kWaiters, held_by(kLast), false));

  EXPECT_EQ(word.load(), held_by(kLast) | kWaiters);
}

TEST(LockWordTest, MarkIsRefusedOnceTheOwnerHasChanged) {
  std::atomic<LockWord> word{held_by(kFirst)};

  EXPECT_FALSE(mark_waiters(word, held_by(kLast)));
  EXPECT_TRUE(mark_waiters(word, held_by(kFirst)));

  EXPECT_EQ(word.load(), held_by(kFirst) | kWaiters);
}

/// Lets another thread run before every other step, as its seed has it.
template <class T>
class Shaky {
 public:
  explicit Shaky(T value) : atomic_(value) {}

  T load(std::memory_order order) const { return shaken().load(order); }
  T exchange(T to, std::memory_order order) { return shaken().exchange(to, order); }
  T fetch_and(T bits, std::memory_order order) { return shaken().fetch_and(bits, order); }
  bool compare_exchange_strong(T& from, T to, std::memory_order done, std::memory_order failed) {
    return shaken().compare_exchange_strong(from, to, done, failed);
  }
  bool compare_exchange_weak(T& from, T to, std::memory_order done, std::memory_order failed) {
    return shaken().compare_exchange_weak(from, to, done, failed);
  }

 private:
  std::atomic<T>& shaken() const {
    static std::atomic<unsigned> seed{1};
    static thread_local std::minstd_rand random(seed.fetch_add(1));
    if (random() % 2 == 0) ::sched_yield();
    return atomic_;
  }

  mutable std::atomic<T> atomic_;
};

TEST(LockWordTest, ThreadsThatTakeItInTurnSeeEachOthersWrites) {
  Shaky<LockWord> word(kFree);
  int counter = 0;  // plain: the word guards it
  std::vector<std::thread> threads;
  threads.reserve(3);

  for (std::uint32_t slot = 0; slot < 3; ++slot) {
    threads.emplace_back([&, me = held_by({slot, 9})] {
      for (int i = 0; i < 1000; ++i) {
        while (!take_free(word, me)) {
          const LockWord seen = word.load(std::memory_order_relaxed);
          if (seen != kFree) (void)mark_waiters(word, seen);
        }
        ++counter;
        EXPECT_EQ(owner_part(set_free(word)), me);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(counter, 3000);
}

TEST(LockWordTest, OneOfManyTakesOverFromTheDead) {
  for (int round = 0; round < 100; ++round) {
    Shaky<LockWord> word(held_by(kFirst) | kWaiters);
    std::atomic<int> told{0};
    std::vector<std::thread> threads;
    threads.reserve(4);

    for (std::uint32_t slot = 1; slot < 4; ++slot) {
      threads.emplace_back([&, me = held_by({slot, 9})] {
        if (take_over(word, held_by(kFirst) | kWaiters, me, false)) ++told;
      });
    }
    for (std::thread& thread : threads) thread.join();

    ASSERT_EQ(told.load(), 1);
  }
}

TEST(LockStateTest, ThreadsOnPlainMemoryExcludeEachOther) {
  LockState lock;
  long counter = 0;  // plain: the lock guards it
  std::vector<std::thread> threads;
  threads.reserve(4);
  (void)caller();

  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 5000; ++n) {
        ASSERT_TRUE(acquire(lock, Timeout(), caller()));
        ++counter;
        ASSERT_TRUE(release(lock));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(counter, 20000);
  EXPECT_EQ(lock.word.load(), kFree);
}

TEST(LockStateTest, RecursiveEntriesOfThreadsOnPlainMemoryExcludeEachOther) {
  LockState lock;
  long counter = 0;  // plain: the lock guards it
  std::vector<std::thread> threads;
  threads.reserve(4);
  (void)caller();

  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 3000; ++n) {
        ASSERT_TRUE(acquire_recursive(lock, Timeout(), caller()));
        ASSERT_TRUE(acquire_recursive(lock, Timeout(), caller()));
        ++counter;
        ASSERT_TRUE(release_recursive(lock, caller()));
        ASSERT_TRUE(release_recursive(lock, caller()));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(counter, 12000);
  EXPECT_EQ(lock.inner.load(), 0U);
}

TEST(EventWordTest, RaisingCountsOnlyTheFirstOfTwoSets) {
  std::atomic<EventWord> word{0};

  EXPECT_FALSE(raise(word));
  EXPECT_FALSE(raise(word));

  EXPECT_TRUE(is_set(word.load()));
  EXPECT_EQ(count_of(word.load()), 1U);
}

TEST(EventWordTest, RaisingReportsAndClearsTheSleepers) {
  std::atomic<EventWord> word{0};
  ASSERT_TRUE(expect(word, 0));

  EXPECT_TRUE(raise(word));

  EXPECT_EQ(word.load() & kSleepers, 0U);
  lower(word);
  EXPECT_EQ(count_of(word.load()), 1U) << "lowering keeps the count";
}

TEST(EventWordTest, SleeperOnAWordThatMovedOnIsRefused) {
  std::atomic<EventWord> word{0};
  (void)raise(word);

  EXPECT_FALSE(expect(word, 0));
}

TEST(EventWordTest, EachWaiterSeesWhatWasWrittenBeforeTheSet) {
  for (int round = 0; round < 50; ++round) {
    Shaky<EventWord> word(0);
    int written = 0;  // plain: the event orders it
    std::vector<std::thread> threads;
    threads.reserve(3);

    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([&] {
        EventWord now = 0;
        while (now = seen(word), !is_set(now) && count_of(now) == 0) (void)expect(word, now);
        EXPECT_EQ(written, 7);
      });
    }
    written = 7;
    (void)raise(word);
    lower(word);
    for (std::thread& thread : threads) thread.join();
  }
}

}  // namespace
}  // namespace multiprocessing::sync
