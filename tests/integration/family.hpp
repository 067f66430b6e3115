#pragma once

// The program of this folder (program.cpp), started as a family of its own: in a process group of
// its own, in an empty directory, with orphans coming to the test.

#include <sys/types.h>

#include <array>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "support/child.hpp"

namespace multiprocessing::test {

class Family {
 public:
  /// Starts it with this argument, and these variables ("NAME=value") in addition to the test's.
  explicit Family(const std::string& argument, const std::vector<std::string>& environment = {});
  Family(const Family&) = delete;
  Family& operator=(const Family&) = delete;

  /// Kills what is left of it.
  ~Family();

  /// A line of its output, without the newline; what there is of it if the output ends.
  std::string line();
  /// The rest of its output: returns when no process has it open.
  std::string output() const;

  /// Blocks until the first process has ended.
  Status wait();

  /// SIGKILL to every process of the group.
  void kill_all() const;
  /// SIGKILL to the first process alone.
  void kill_first() const;

  /// Reaps what has ended. True if nobody is left, of its descendants too.
  bool is_gone();

  /// The processes that map a shared-memory file with the inode of the family's arena.
  [[nodiscard]] std::set<pid_t> mappers() const;

  /// What it has created in the directory that it was started in, which is also its TMPDIR.
  [[nodiscard]] std::set<std::filesystem::path> files() const;

 private:
  void execute(const std::string& argument, const std::vector<std::string>& environment) const;
  void note_arena();

  std::filesystem::path directory_;
  pid_t first_ = -1;
  std::array<int, 2> output_;  // a pipe; its write end is closed once the program has it
  bool reaped_ = false;
  int raw_status_ = 0;
  std::string arena_;  // as /proc/<pid>/maps has it: device, inode, name
};

}  // namespace multiprocessing::test
