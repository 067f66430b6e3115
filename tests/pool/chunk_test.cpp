// Claiming chunks and giving them back, from half-finished states written by hand.

#include "pool/job.hpp"

#include <new>

#include <gtest/gtest.h>

#include "pool/state.hpp"

namespace multiprocessing::pool {
namespace {

constexpr Claimer kVictim{0, 3};
constexpr Claimer kOther{1, 3};

class ChunkTest : public testing::Test {
 protected:
  void SetUp() override {
    job_.items = 10;
    job_.chunk_size = 4;
    job_.chunks = 3;
    job_.stride = sizeof(ChunkRecord);
    for (std::uint64_t i = 0; i < job_.chunks; ++i) new (&job_.chunk(i)) ChunkRecord{};
  }
  void TearDown() override {
    for (std::uint64_t i = 0; i < job_.chunks; ++i) {
      while (first_failure(job_, i) != nullptr) {
        shm::Block block = shm::unlink(job_.chunk(i).failures);
        shm::release(block);
      }
    }
  }

  ChunkWord word(std::uint64_t chunk) {
    return ChunkWord::unpack(job_.chunk(chunk).word.load(std::memory_order_relaxed));
  }
  void set(std::uint64_t chunk, ChunkWord word) {
    job_.chunk(chunk).word.store(word.packed(), std::memory_order_relaxed);
  }
  static Loss loss(std::uint32_t retries = 0) {
    return {kVictim, Verdict::died, pack_obituary(12, -9), retries};
  }

  alignas(64) std::byte memory_[sizeof(Job) + 3 * sizeof(ChunkRecord)] = {};
  Job& job_ = *new (memory_) Job{};
  std::uint32_t progress_ = 99;
};

TEST_F(ChunkTest, AChunkIsClaimedOnceAndFromItsProgress) {
  set(1, {2, false, 0});

  EXPECT_TRUE(claim_chunk(job_, 1, kVictim, progress_));

  EXPECT_EQ(progress_, 2U);
  EXPECT_FALSE(claim_chunk(job_, 1, kOther, progress_));
}

TEST_F(ChunkTest, AChunkThatHasEndedIsNotClaimed) {
  set(2, {2, false, 0});  // the last one is shorter

  EXPECT_FALSE(claim_chunk(job_, 2, kVictim, progress_));
  EXPECT_TRUE(chunk_ended(job_, 2));
}

TEST_F(ChunkTest, AWorkerThatDiesInAnItemCostsThatItem) {
  set(0, {1, true, chunk_owner(kVictim)});

  give_back(job_, 0, loss());

  EXPECT_EQ(word(0).progress, 2U);
  EXPECT_EQ(word(0).owner, 0U);
  ASSERT_NE(failure_of(job_, 0, 1), nullptr);
  EXPECT_EQ(pid_in(failure_of(job_, 0, 1)->obituary), 12);
  EXPECT_EQ(status_in(failure_of(job_, 0, 1)->obituary), -9);
}

TEST_F(ChunkTest, AWorkerThatDiesBetweenTwoItemsCostsNone) {
  set(0, {1, false, chunk_owner(kVictim)});

  give_back(job_, 0, loss());

  EXPECT_EQ(word(0).progress, 1U);
  EXPECT_EQ(word(0).owner, 0U);
  EXPECT_EQ(first_failure(job_, 0), nullptr);
}

TEST_F(ChunkTest, GivingBackTwiceIsGivingBackOnce) {
  set(0, {1, true, chunk_owner(kVictim)});
  add_failure(job_, 0, 1, Verdict::died, 5, nullptr);  // a keeper that died here

  give_back(job_, 0, loss());
  give_back(job_, 0, loss());

  EXPECT_EQ(word(0).progress, 2U);
  EXPECT_EQ(pid_in(first_failure(job_, 0)->obituary), 0) << "the first record stands";
}

TEST_F(ChunkTest, AChunkOfAnotherIsLeftAlone) {
  set(0, {1, true, chunk_owner(kOther)});

  give_back(job_, 0, loss());

  EXPECT_EQ(word(0).owner, chunk_owner(kOther));
  EXPECT_EQ(first_failure(job_, 0), nullptr);
}

TEST_F(ChunkTest, AChunkWhoseWorkerDiedBeforeItCountedItIsCountedForIt) {
  set(0, {4, false, 0});

  give_back(job_, 0, loss());

  EXPECT_EQ(job_.ended.load(), 1U) << "the last worker wakes who waits when all are counted";
}

TEST_F(ChunkTest, AChunkWhoseLastItemKilledItsWorkerIsCounted) {
  set(0, {3, true, chunk_owner(kVictim)});

  give_back(job_, 0, loss());

  EXPECT_EQ(word(0).progress, 4U);
  EXPECT_EQ(job_.ended.load(), 1U) << "or whoever ends the last chunk would wake nobody";
}

TEST_F(ChunkTest, AnItemThatHadFailedIsNotTriedAgain) {
  set(0, {1, true, chunk_owner(kVictim)});
  add_failure(job_, 0, 1, Verdict::raised, 0, nullptr);

  give_back(job_, 0, loss(5));

  EXPECT_EQ(word(0).progress, 2U);
  EXPECT_EQ(first_failure(job_, 0)->verdict, Verdict::raised);
}

TEST_F(ChunkTest, RetriesGiveTheItemBackSoManyTimes) {
  for (int attempt = 0; attempt < 2; ++attempt) {
    set(0, {1, true, chunk_owner(kVictim)});
    give_back(job_, 0, loss(2));
    EXPECT_EQ(word(0).progress, 1U);
  }
  set(0, {1, true, chunk_owner(kVictim)});

  give_back(job_, 0, loss(2));

  EXPECT_EQ(word(0).progress, 2U);
}

TEST_F(ChunkTest, WithoutSingleItemsTheFirstFailureOfAChunkIsKept) {
  add_failure(job_, 0, 1, Verdict::timed_out, 0, nullptr);
  add_failure(job_, 0, 2, Verdict::died, 0, nullptr);

  EXPECT_EQ(first_failure(job_, 0)->item, 1U);
  EXPECT_EQ(failure_of(job_, 0, 2), nullptr);
}

TEST_F(ChunkTest, AJobHasEndedWhenAllItsChunksHave) {
  set(0, {4, false, 0});
  set(1, {4, false, 0});
  EXPECT_FALSE(job_ended(job_));

  set(2, {2, false, 0});

  EXPECT_TRUE(job_ended(job_));
}

TEST_F(ChunkTest, WordsKeepWhatIsPackedIntoThem) {
  const CellWord cell{CellState::timed_out, true, true, {1023, 2047}, 0xFFFFFFFF};
  EXPECT_EQ(CellWord::unpack(cell.packed()).claimer, cell.claimer);
  EXPECT_EQ(CellWord::unpack(cell.packed()).sequence, cell.sequence);
  const DoingWord doing{Doing::job, 0x3FFFFFFF, 0xFFFFFFFF};
  EXPECT_EQ(DoingWord::unpack(doing.packed()).cell, doing.cell);
  EXPECT_EQ(DoingWord::unpack(doing.packed()).what, Doing::job);
  const ChunkWord chunk{0xFFFFFFFF, true, chunk_owner({1023, 2047})};
  EXPECT_EQ(ChunkWord::unpack(chunk.packed()).owner, chunk.owner);
}

}  // namespace
}  // namespace multiprocessing::pool
