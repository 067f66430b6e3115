#include <multiprocessing/process.hpp>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "sys/cpu_quota.hpp"

namespace multiprocessing {
namespace {

namespace fs = std::filesystem;

class CpuCountTest : public testing::Test {
 protected:
  ~CpuCountTest() override { fs::remove_all(root_); }

  void write(const std::string& path, const std::string& text) const {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  [[nodiscard]] int count(const std::string& membership, int affinity = 16) const {
    return sys::cpu_budget(root_, membership, affinity);
  }

  const fs::path root_ = fs::path(testing::TempDir()) / ("cpu_count_" + std::to_string(::getpid()));
};

TEST_F(CpuCountTest, WithoutQuotaTheAffinityCounts) {
  EXPECT_EQ(count("0::/\n", 5), 5);
  write("cpu.max", "max 100000\n");
  EXPECT_EQ(count("0::/\n", 5), 5);
}

TEST_F(CpuCountTest, QuotaOfVersionTwoIsRoundedUp) {
  write("cpu.max", "200000 100000\n");
  EXPECT_EQ(count("0::/\n"), 2);
  write("cpu.max", "150000 100000\n");
  EXPECT_EQ(count("0::/\n"), 2);
  write("cpu.max", "1000 100000\n");
  EXPECT_EQ(count("0::/\n"), 1);
}

TEST_F(CpuCountTest, LeastQuotaOfAllAncestorsCounts) {
  write("a/cpu.max", "300000 100000\n");
  write("a/b/cpu.max", "900000 100000\n");
  write("a/b/c/cpu.max", "max 100000\n");

  EXPECT_EQ(count("0::/a/b/c\n"), 3);
}

TEST_F(CpuCountTest, QuotaOfVersionOneCounts) {
  write("cpu/group/cpu.cfs_quota_us", "250000\n");
  write("cpu/group/cpu.cfs_period_us", "50000\n");
  EXPECT_EQ(count("4:memory:/x\n3:cpu,cpuacct:/group\n"), 5);
  write("cpu/group/cpu.cfs_quota_us", "-1\n");
  EXPECT_EQ(count("3:cpu,cpuacct:/group\n"), 16);
}

TEST_F(CpuCountTest, QuotaNeverExceedsTheAffinity) {
  write("cpu.max", "6400000 100000\n");

  EXPECT_EQ(count("0::/\n", 4), 4);
}

TEST_F(CpuCountTest, UnreadableTreeSetsNoQuota) {
  EXPECT_EQ(count("", 3), 3);
  EXPECT_EQ(count("garbage\n0::\n", 3), 3);
}

TEST_F(CpuCountTest, ThisMachineHasAtLeastOne) {
  EXPECT_GE(cpu_count(), 1);
}

}  // namespace
}  // namespace multiprocessing
