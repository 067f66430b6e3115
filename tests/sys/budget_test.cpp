// The memory budget, read from made-up control group trees.

#include "sys/budget.hpp"

#include <cstdint>
#include <string>

#include <gtest/gtest.h>

#include "sys/cgroup_tree.hpp"

namespace multiprocessing::sys {
namespace {

constexpr std::uint64_t kPhysical = 1'000'000;

class MemoryBudgetTest : public test::CgroupTree {
 protected:
  std::uint64_t budget(const std::string& membership) const {
    return memory_budget(root(), membership, kPhysical);
  }
};

TEST_F(MemoryBudgetTest, WithoutAnyGroupItIsTheMachine) {
  EXPECT_EQ(budget(""), kPhysical);
  EXPECT_EQ(budget("0::/a/b\n"), kPhysical);
  EXPECT_EQ(budget("nonsense\n\n:\n"), kPhysical);
}

TEST_F(MemoryBudgetTest, OwnLimitCountsInVersionTwo) {
  put("/a/memory.max", "5000");

  EXPECT_EQ(budget("0::/a\n"), 5000U);
}

TEST_F(MemoryBudgetTest, LeastLimitAmongAncestorsCounts) {
  put("/a/memory.max", "4000");
  put("/a/b/memory.max", "max");
  put("/a/b/c/memory.max", "6000");

  EXPECT_EQ(budget("0::/a/b/c\n"), 4000U);
}

TEST_F(MemoryBudgetTest, LimitAboveTheMachineDoesNotCount) {
  put("/a/memory.max", "9000000");

  EXPECT_EQ(budget("0::/a\n"), kPhysical);
}

TEST_F(MemoryBudgetTest, ContainerWhoseGroupIsMountedAsTheRootIsFound) {
  put("/memory.max", "3000");

  EXPECT_EQ(budget("0::/docker/0123/not/here\n"), 3000U);
  EXPECT_EQ(budget("0::/\n"), 3000U);
  EXPECT_EQ(budget("0::/../outside\n"), 3000U);
}

TEST_F(MemoryBudgetTest, MemoryControllerCountsInVersionOne) {
  put("/memory/a/memory.limit_in_bytes", "7000");
  put("/memory/memory.limit_in_bytes", "9223372036854771712");

  EXPECT_EQ(budget("5:cpu,cpuacct:/other\n4:hugetlb,memory:/a\n"), 7000U);
  EXPECT_EQ(budget("4:cpu,memoryless:/a\n"), kPhysical);
}

TEST_F(MemoryBudgetTest, ThisProcessHasOne) {
  EXPECT_GT(memory_budget(), 0U);
}

}  // namespace
}  // namespace multiprocessing::sys
