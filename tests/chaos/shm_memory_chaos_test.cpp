// Processes stopped or killed between two steps of the allocator while another goes on: no memory
// is handed out that is not there, and none that is free stays unseen.

#include <csignal>
#include <vector>

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace multiprocessing::shm
