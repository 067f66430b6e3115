#pragma once

/// \file sys/cgroup_tree.hpp
/// A made-up tree of control groups.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

namespace multiprocessing::test {

/// An empty tree at `root()`, gone after the test; `put` makes a file of it.
class CgroupTree : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "cgroup.XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  [[nodiscard]] const std::string& root() const { return root_; }
  void put(const std::string& path, const std::string& text) const {
    const std::filesystem::path file = root_ + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text << '\n';
  }

 private:
  std::string root_;
};

}  // namespace multiprocessing::test
