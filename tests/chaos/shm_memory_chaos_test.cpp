// Processes stopped or killed between two steps of the allocator while another goes on: no memory
// is handed out that is not there, and none that is free stays unseen.

#include <csignal>
#include <cstdlib>
#include <functional>
#include <vector>

#include <gtest/gtest.h>
#include <multiprocessing/errors.hpp>

#include "shm/arena.hpp"
#include "shm/block.hpp"
#include "shm/chunk.hpp"
#include "shm/process_table.hpp"
#include "support/chaos.hpp"
#include "support/child.hpp"
#include "sys/crash_point.hpp"

namespace multiprocessing::shm {
namespace {

// Runs of one chunk until that one is among them.
void take_chunk(std::uint64_t chunk) {
  for (;;) {
    const Block taken = allocate(kChunkSize);
    ASSERT_LE(chunk_of(taken.ref.id), chunk);
    if (chunk_of(taken.ref.id) == chunk) return;
  }
}

// The first of the chunks that a process which has stopped in the midst of a claim has noted.
std::uint64_t noted_chunk() {
  const std::uint64_t used = arena().header().slots_used.load();
  for (std::uint32_t i = 0; i < used; ++i) {
    const std::uint64_t note = slot_at(i).chunk_note.load();
    if (note != 0) return note >> 32U;
  }
  return 0;
}

// Two of four cold chunks are claimed when another process takes the third.
class ChunkRaceChaosTest : public testing::Test {
 protected:
  test::Child claim_half_of_what_is_cold(const std::function<void()>& body) {
    (void)self();
    cool_down();
    test::Child loser = test::run_to_stop("chunk.claimed", 2, body);
    first_ = noted_chunk();
    take_chunk(first_ + 2);
    return loser;
  }

  std::uint64_t first_ = 0;
};

TEST_F(ChunkRaceChaosTest, ChunksOfAFailedClaimGoBackAsTheyWere) {
  test::Child loser = claim_half_of_what_is_cold([] {
    (void)allocate(4 * kChunkSize);
    test::hang_up_and_wait();
  });
  loser.kill(SIGCONT);
  loser.await_hang_up();

  EXPECT_EQ(chunk_state(first_), ChunkState::cold);
  EXPECT_EQ(chunk_state(first_ + 1), ChunkState::cold);
  const std::uint64_t before = arena().allocated_bytes();
  const Block next = allocate(2 * kChunkSize);
  EXPECT_EQ(chunk_of(next.ref.id), first_);
  EXPECT_GE(arena().allocated_bytes(), before + 2 * kChunkSize) << "handed out without memory";
}

class ChunkRaceDeathChaosTest : public ChunkRaceChaosTest,
                                public testing::WithParamInterface<int> {};

TEST_P(ChunkRaceDeathChaosTest, ChunksOfADeadLoserAreFreeWithoutMemory) {
  test::Child loser = claim_half_of_what_is_cold([] {
    (void)std::signal(SIGCONT,
                      [](int) { sys::arm_crash_point("chunk.claim.put_back", GetParam()); });
    (void)allocate(4 * kChunkSize);
  });
  loser.kill(SIGCONT);
  EXPECT_EQ(loser.wait(), test::killed_by(SIGKILL));

  test::bury_all();

  EXPECT_EQ(chunk_state(first_), ChunkState::cold);
  EXPECT_EQ(chunk_state(first_ + 1), ChunkState::cold);
  const Block next = allocate(2 * kChunkSize);
  EXPECT_EQ(chunk_of(next.ref.id), first_);
}

INSTANTIATE_TEST_SUITE_P(Visits, ChunkRaceDeathChaosTest, testing::Values(1, 2));

// Two to a slab, so that it is soon said to be full.
constexpr std::uint64_t kHalfASlab = 128 * 1024;

// A child has one block of a slab; the other is taken, and the slab found full.
class FreedBlockChaosTest : public testing::Test {
 protected:
  static test::Child free_the_half_of(Block& other, const std::function<void()>& arm) {
    (void)self();
    test::Child child = test::Child::run([&arm] {
      Block block = allocate(kHalfASlab);
      test::hang_up();
      test::require(::raise(SIGSTOP) == 0);
      arm();
      release(block);
    });
    child.await_hang_up();
    EXPECT_TRUE(child.await_stop());
    other = allocate(kHalfASlab);
    const Block elsewhere = allocate(kHalfASlab);
    EXPECT_NE(chunk_of(elsewhere.ref.id), chunk_of(other.ref.id));
    EXPECT_EQ(chunk_info(chunk_of(other.ref.id)).has_free.load(), 0);
    (void)allocate(kHalfASlab);  // the second half of that one
    child.kill(SIGCONT);
    return child;
  }
};

TEST_F(FreedBlockChaosTest, BlockFreedByADeadProcessThatToldNobodyIsUsedAgain) {
  Block other;
  test::Child child =
      free_the_half_of(other, [] { sys::arm_crash_point("block.release.after", 1); });
  EXPECT_EQ(child.wait(), test::killed_by(SIGKILL));
  test::bury_all();

  const Block next = allocate(kHalfASlab);

  EXPECT_EQ(chunk_of(next.ref.id), chunk_of(other.ref.id));
}

TEST_F(FreedBlockChaosTest, BlockFreedByAStoppedProcessIsUsedBeforeMemoryIsExhausted) {
  ::setenv("MULTIPROCESSING_ARENA_LIMIT", "64M", 1);
  Block other;
  test::Child child = free_the_half_of(other, [] { sys::arm_stop_point("block.release.after"); });
  ASSERT_TRUE(child.await_stop());

  bool used_again = false;
  const auto fill = [&] {
    for (;;) used_again |= chunk_of(allocate(kHalfASlab).ref.id) == chunk_of(other.ref.id);
  };
  EXPECT_THROW(fill(), ArenaExhausted);

  EXPECT_TRUE(used_again);
}

// A sweeper that is stopped before it has told anybody of the death.
TEST(StoppedSweeperChaosTest, OthersTellOfTheDeathOnce) {
  (void)self();
  test::Child dead = test::Child::run([] {
    (void)self();
    test::hang_up_and_wait();
  });
  dead.await_hang_up();
  dead.kill(SIGKILL);
  EXPECT_EQ(dead.wait(), test::killed_by(SIGKILL));
  test::Child sweeper = test::run_to_stop("sweep.begun", 1, [] { (void)bury_the_dead(); });
  const std::uint64_t before = arena().header().deaths.load();

  (void)bury_the_dead();

  EXPECT_EQ(arena().header().deaths.load(), before + 1);
  (void)bury_the_dead();
  EXPECT_EQ(arena().header().deaths.load(), before + 1) << "told again and again";
  sweeper.kill(SIGCONT);
  EXPECT_EQ(sweeper.wait(), test::exited(0));
  EXPECT_EQ(test::taken_slots(), 1);
}

}  // namespace
}  // namespace multiprocessing::shm
