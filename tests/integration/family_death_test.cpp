// A family that was killed leaves nothing: no process, no name, no shared memory.

#include <poll.h>

#include <chrono>

#include <gtest/gtest.h>

#include "integration/family.hpp"
#include "support/fd_snapshot.hpp"

namespace multiprocessing {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kTwiceTheBound = std::chrono::seconds(2);

// The first process, four children and grandchildren, the pool's keeper and three workers.
constexpr std::size_t kProcesses = 9;
// An ordinary child, which outlives its parent, and its own child.
constexpr std::size_t kOrdinaryProcesses = 2;

template <class Condition>
bool in_time(Condition condition) {
  const auto deadline = Clock::now() + kTwiceTheBound;
  while (!condition()) {
    if (Clock::now() > deadline) return false;
    ::poll(nullptr, 0, 2);
  }
  return true;
}

TEST(FamilyDeathTest, FamilyThatRunsHasNoNameInTheFileSystem) {
  test::Family family("family");
  ASSERT_EQ(family.line(), "up");

  EXPECT_EQ(family.mappers().size(), kProcesses);
  EXPECT_TRUE(family.files().empty());
}

TEST(FamilyDeathTest, AllKilledAtOnceLeaveNothing) {
  const test::FdSnapshot before(test::FdSnapshot::Names::compare);
  {
    test::Family family("family");
    ASSERT_EQ(family.line(), "up");
    ASSERT_GE(family.mappers().size(), kProcesses);

    family.kill_all();

    EXPECT_TRUE(in_time([&] { return family.is_gone(); })) << "a process is left";
    EXPECT_TRUE(family.mappers().empty());
    EXPECT_TRUE(family.files().empty());
  }
  EXPECT_EQ(test::FdSnapshot(test::FdSnapshot::Names::compare), before);
}

TEST(FamilyDeathTest, FirstProcessKilledAloneTakesThePoolAndDaemonicChildrenAlong) {
  test::Family family("family");
  ASSERT_EQ(family.line(), "up");

  family.kill_first();

  EXPECT_TRUE(in_time([&] {
    family.is_gone();  // reaps
    return family.mappers().size() == kOrdinaryProcesses;
  })) << family.mappers().size()
      << " processes are left";
}

}  // namespace
}  // namespace multiprocessing
