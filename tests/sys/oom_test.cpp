// The count of out-of-memory kills, read from made-up control group trees.

#include "sys/oom.hpp"

#include <cstdint>
#include <string>

#include <gtest/gtest.h>

#include "sys/cgroup_tree.hpp"

namespace multiprocessing::sys {
namespace {

class OomKillsTest : public test::CgroupTree {
 protected:
  std::uint64_t kills(const std::string& membership) const { return oom_kills(root(), membership); }
};

TEST_F(OomKillsTest, WhereNothingCountsThereAreNone) {
  EXPECT_EQ(kills(""), 0U);
  EXPECT_EQ(kills("0::/a\n"), 0U);
  put("/a/memory.events", "oom_kill x");
  EXPECT_EQ(kills("0::/a\n"), 0U);
}

TEST_F(OomKillsTest, OwnGroupCountsInVersionTwo) {
  put("/memory.events", "low 0\nhigh 0\nmax 9\noom 9\noom_kill 9\noom_group_kill 0");
  put("/a/memory.events", "low 0\nhigh 0\nmax 4\noom 3\noom_kill 2\noom_group_kill 7");

  EXPECT_EQ(kills("0::/a\n"), 2U);
}

TEST_F(OomKillsTest, OwnGroupCountsInVersionOne) {
  put("/memory/job/memory.oom_control", "oom_kill_disable 5\nunder_oom 6\noom_kill 3");

  EXPECT_EQ(kills("4:cpu:/job\n3:memory:/job\n0::/\n"), 3U);
}

TEST_F(OomKillsTest, InAContainerTheRootCounts) {
  put("/memory.events", "oom_kill 1");

  EXPECT_EQ(kills("0::/as/seen/from/outside\n"), 1U);
}

}  // namespace
}  // namespace multiprocessing::sys
