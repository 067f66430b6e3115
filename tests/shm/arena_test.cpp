// The arena's size and limit, as the environment asks for them.

#include "shm/arena.hpp"

#include <cstdlib>
#include <string>

#include <gtest/gtest.h>
#include <multiprocessing/errors.hpp>

#include "shm/block.hpp"
#include "support/child.hpp"

namespace multiprocessing::shm {
namespace {

TEST(ArenaSizeTest, SizesAreBytesOrCarryAUnit) {
  EXPECT_EQ(parse_size("V", "67108864", 0), 67108864U);
  EXPECT_EQ(parse_size("V", "64M", 0), 67108864U);
  EXPECT_EQ(parse_size("V", "2g", 0), std::uint64_t{2} << 30U);
  EXPECT_EQ(parse_size("V", "1T", 0), std::uint64_t{1} << 40U);
}

TEST(ArenaSizeTest, UnreadableOrTooSmallSizesNameVariableAndValue) {
  for (const char* text : {"", "abc", "12Q", "64MB", "-5", "99999999999999999999", "1K"}) {
    try {
      (void)parse_size("MULTIPROCESSING_ARENA_SIZE", text, kMinimumArena);
      FAIL() << "accepted: " << text;
    } catch (const ValueError& error) {
      const std::string what = error.what();
      EXPECT_NE(what.find("MULTIPROCESSING_ARENA_SIZE"), std::string::npos) << what;
      EXPECT_NE(what.find(text), std::string::npos) << what;
    }
  }
}

// Each case needs a process that has not used the library yet: ctest runs every case in its own.

TEST(ArenaEnvironmentTest, SizeBelowTheMinimumIsAValueErrorAtFirstUse) {
  setenv("MULTIPROCESSING_ARENA_SIZE", "1M", 1);

  EXPECT_THROW((void)arena(), ValueError);

  unsetenv("MULTIPROCESSING_ARENA_SIZE");
  EXPECT_NO_THROW((void)arena()) << "a corrected environment is used";
}

TEST(ArenaEnvironmentTest, SmallestArenaStillHoldsBlocks) {
  setenv("MULTIPROCESSING_ARENA_SIZE", "64M", 1);

  Block block = allocate(1 << 20);

  EXPECT_EQ(arena().header().size, kMinimumArena);
  release(block);
  EXPECT_THROW((void)allocate(std::uint64_t{64} << 20U), ArenaExhausted);
}

TEST(ArenaEnvironmentTest, LimitBoundsWhatIsCommitted) {
  setenv("MULTIPROCESSING_ARENA_LIMIT", "64M", 1);
  Block half = allocate(std::uint64_t{32} << 20U);

  EXPECT_THROW((void)allocate(std::uint64_t{40} << 20U), ArenaExhausted);

  release(half);
  Block most = allocate(std::uint64_t{48} << 20U);
  EXPECT_TRUE(most);
  release(most);
}

}  // namespace
}  // namespace multiprocessing::shm
