// Sleeping on a word that two processes share.

#include "sys/futex.hpp"

#include <gtest/gtest.h>

#include "sys/forked.hpp"
#include "sys/memory.hpp"

namespace multiprocessing::sys {
namespace {

using test::exited;
using test::Forked;

class SharedFutexTest : public test::LeavesNothingBehind {
 protected:
  static constexpr std::uint64_t kSize = 4096;

  void SetUp() override {
    const UniqueFd file = create_memfd("test", kSize);
    memory_ = map_shared(file.get(), kSize);
    word_ = new (memory_) std::atomic<std::uint32_t>(0);
  }
  void TearDown() override {
    unmap(memory_, kSize);
    LeavesNothingBehind::TearDown();
  }

  std::atomic<std::uint32_t>& word() { return *word_; }

 private:
  std::byte* memory_ = nullptr;
  std::atomic<std::uint32_t>* word_ = nullptr;
};

TEST_F(SharedFutexTest, WakeReachesASleeperInAnotherProcess) {
  Forked sleeper([&] {
    while (futex_wait(word(), 0) != Wait::woken) {
    }
  });

  while (futex_wake(word(), 1) == 0) yield();

  EXPECT_EQ(sleeper.wait(), exited(0));
}

TEST_F(SharedFutexTest, ChangedWordEndsTheWaitOfAnotherProcess) {
  Forked sleeper([&] {
    while (word().load(std::memory_order_acquire) == 0) (void)futex_wait(word(), 0);
  });

  word().store(1, std::memory_order_release);
  futex_wake(word(), 1);

  EXPECT_EQ(sleeper.wait(), exited(0));
}

}  // namespace
}  // namespace multiprocessing::sys
