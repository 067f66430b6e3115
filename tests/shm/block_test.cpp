// Blocks: claimed, linked, taken and freed, by one process and by many.

#include "shm/block.hpp"

#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <multiprocessing/errors.hpp>

#include "shm/chunk.hpp"
#include "shm/object.hpp"
#include "shm/process_table.hpp"
#include "support/child.hpp"

namespace multiprocessing::shm {
namespace {

// A place in the arena for locations that several processes share.
Location* shared_locations() {
  static Block block = allocate(4096);
  static auto* places = new (block.data()) Location[512]{};
  return places;
}

TEST(BlockTest, AllocatedBlockHoldsWhatWasAskedForAndIsPrivate) {
  Block block = allocate(100);

  EXPECT_GE(block_capacity(block.ref.id), 100U);
  EXPECT_TRUE(BlockWord::unpack(block_word(block.ref.id).load()).owned_by(self()));

  release(block);
  EXPECT_FALSE(block);
}

TEST(BlockTest, EverySizeClassAndRunGivesDistinctAlignedMemory) {
  std::vector<Block> blocks;
  std::set<std::byte*> places;
  for (const std::uint64_t bytes :
       std::initializer_list<std::uint64_t>{1, 64, 65, 1000, 4096, 70000, 131072, 131073,
                                            std::uint64_t{1} << 20U, std::uint64_t{5} << 20U}) {
    for (int i = 0; i < 5; ++i) {
      blocks.push_back(allocate(bytes));
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(blocks.back().data()) % 64, 0U);
      EXPECT_TRUE(places.insert(blocks.back().data()).second);
      std::memset(blocks.back().data(), 0x5A, bytes);
    }
  }

  for (Block& block : blocks) release(block);
}

TEST(BlockTest, ReleasedBlockComesBackWithAHigherSequence) {
  Block first = allocate(64);
  const BlockRef before = first.ref;
  release(first);

  Block second = allocate(64);

  EXPECT_EQ(second.ref.id, before.id) << "the warmest block is used again";
  EXPECT_GT(second.ref.sequence, before.sequence);
  release(second);
}

TEST(BlockTest, LinkedBlockIsFoundAtItsLocationAndTakenOnce) {
  Location& place = shared_locations()[0];
  Block block = allocate(64);
  const BlockRef ref = block.ref;

  ASSERT_TRUE(link(block, place));

  EXPECT_EQ(place.load(), ref.packed());
  Block taken = unlink(place);
  EXPECT_EQ(taken.ref, ref);
  EXPECT_FALSE(unlink(place));
  release(taken);
}

TEST(BlockTest, LinkingAtAnOccupiedLocationLeavesTheBlockPrivate) {
  Location& place = shared_locations()[1];
  Block first = allocate(64);
  Block second = allocate(64);
  ASSERT_TRUE(link(first, place));

  EXPECT_FALSE(link(second, place));

  EXPECT_TRUE(BlockWord::unpack(block_word(second.ref.id).load()).owned_by(self()));
  release(second);
  Block taken = unlink(place);
  release(taken);
}

TEST(BlockTest, KeptBlockCanBeLinkedElsewhere) {
  Location* places = shared_locations();
  Block block = allocate(64);
  ASSERT_TRUE(link(block, places[2]));
  Block taken = unlink(places[2]);

  keep(taken);

  ASSERT_TRUE(link(taken, places[3]));
  Block again = unlink(places[3]);
  EXPECT_TRUE(again);
  release(again);
}

TEST(BlockTest, StaleLocationIsEmptiedByWhoeverMeetsIt) {
  Location& place = shared_locations()[4];
  place.store(BlockRef{block_id(1, 1), 0x7FFFFFFF}.packed());

  EXPECT_FALSE(unlink(place));

  EXPECT_EQ(place.load(), 0U);
}

TEST(BlockTest, MoreBlocksThanTheJournalHoldsAreStillFreedByASweep) {
  const std::uint64_t before = census().blocks;
  auto child = test::Child::run([] {
    for (int i = 0; i < 200; ++i) (void)allocate(512);
    test::hang_up_and_wait();
  });
  child.await_hang_up();
  EXPECT_GE(census().blocks, before + 200);

  child.kill(SIGKILL);
  child.wait();
  (void)bury_the_dead();

  EXPECT_EQ(census().blocks, before);
}

TEST(BlockTest, MemoryIsTheSameAfterTheSecondTenThousandBlocks) {
  const auto churn = [] {
    std::vector<Block> blocks;
    for (int i = 0; i < 10000; ++i) blocks.push_back(allocate(200));
    for (Block& block : blocks) release(block);
    trim();
  };
  churn();
  const std::uint64_t first = arena().allocated_bytes();

  churn();

  EXPECT_EQ(arena().allocated_bytes(), first);
}

TEST(BlockTest, FreedRunsGiveTheirMemoryBackBeyondTheWarmLimit) {
  cool_down();
  const std::uint64_t before = arena().allocated_bytes();
  Block huge = allocate(std::uint64_t{400} << 20U);
  EXPECT_GE(arena().allocated_bytes(), before + (std::uint64_t{400} << 20U));

  release(huge);

  EXPECT_LE(arena().allocated_bytes(), before + (std::uint64_t{1} << 20U));
}

TEST(BlockTest, AskingForMoreThanTheArenaThrowsAndNamesTheBounds) {
  try {
    (void)allocate(std::uint64_t{1} << 45U);
    FAIL() << "no such arena exists";
  } catch (const ArenaExhausted& error) {
    EXPECT_NE(std::string(error.what()).find("MULTIPROCESSING_ARENA_LIMIT"), std::string::npos);
  }
}

TEST(BlockTest, ThreadsThatLinkAndTakeNeverShareABlock) {
  Location* places = shared_locations() + 16;
  std::atomic<int> wrong{0};
  const auto work = [&](std::uint64_t seed) {
    for (int i = 0; i < 20000; ++i) {
      seed = seed * 6364136223846793005U + 1442695040888963407U;
      Location& place = places[(seed >> 33U) % 8];
      if (Block taken = unlink(place)) {
        auto* word = reinterpret_cast<std::atomic<std::uint64_t>*>(taken.data());
        if (word->load(std::memory_order_relaxed) != taken.ref.id) ++wrong;
        release(taken);
      }
      Block fresh = allocate(64);
      new (fresh.data()) std::atomic<std::uint64_t>(fresh.ref.id);
      if (!link(fresh, place)) release(fresh);
    }
  };
  std::vector<std::thread> threads;
  for (std::uint64_t t = 1; t <= 4; ++t) threads.emplace_back(work, t);
  for (auto& thread : threads) thread.join();

  EXPECT_EQ(wrong, 0);
  for (int i = 0; i < 8; ++i) {
    Block left = unlink(places[i]);
    release(left);
  }
}

TEST(BlockTest, ThreadsThatFillAndDrainSlabsLoseNoBlock) {
  trim();
  const std::uint64_t before = census().blocks;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([] {
      for (int round = 0; round < 30; ++round) {
        std::vector<Block> blocks;
        for (int i = 0; i < 400; ++i) blocks.push_back(allocate(2000));
        for (Block& block : blocks) release(block);
        trim();
      }
    });
  }
  for (auto& thread : threads) thread.join();

  EXPECT_EQ(census().blocks, before);
}

TEST(BlockTest, OccupiedLinksGiveTheirReservedJournalEntriesBack) {
  Location& place = shared_locations()[5];
  Block first = allocate(64);
  ASSERT_TRUE(link(first, place));
  std::vector<Block> kept;
  for (int i = 0; i < 60; ++i) kept.push_back(allocate(64));  // more than the journal has room for

  for (Block& block : kept) EXPECT_FALSE(link(block, place));  // a leak here would hang

  for (Block& block : kept) release(block);
  Block taken = unlink(place);
  release(taken);
}

TEST(BlockTest, ReleasedSparseRunIsNotTakenForCommittedMemory) {
  cool_down();
  const std::uint64_t size = std::uint64_t{96} << 20U;
  Block sparse = allocate(size, true);
  release(sparse);
  const std::uint64_t before = arena().allocated_bytes();

  Block dense = allocate(size);

  EXPECT_GE(arena().allocated_bytes(), before + size);
  release(dense);
}

}  // namespace
}  // namespace multiprocessing::shm
