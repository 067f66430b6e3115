#pragma once

// How a process is to be started: ProcessOptions, used by Process, Pool and the executors.

#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <multiprocessing/detail/file_descriptor.hpp>

namespace multiprocessing {

/// How a child comes to life.
enum class StartMethod { fork, forkserver, spawn };

/// Everything has a default; write it with designators: `Process({.name = "x", .nice = 5}, f)`.
struct ProcessOptions {
  // NOLINTBEGIN(readability-redundant-member-init): GCC warns of designators that leave one out
  std::string name{};                   // empty: "Process-1" and so on
  std::optional<bool> daemon{};         // empty: as the process that makes it
  std::optional<StartMethod> method{};  // empty: the default one
  bool new_group = false;        // a group of its own, reached whole by terminate, kill, stop
  bool die_with_parent = false;  // killed when its parent ends; daemonic ones always are
  std::optional<FileDescriptor> stdin_{};  // empty: /dev/null
  std::optional<FileDescriptor> stdout_{};
  std::optional<FileDescriptor> stderr_{};
  std::filesystem::path cwd{};
  std::map<std::string, std::string> env{};   // in addition to the parent's
  std::optional<std::size_t> memory_limit{};  // bytes of private memory (RLIMIT_DATA)
  std::vector<int> cpus{};                    // processors it may run on; empty: as its parent
  // NOLINTEND(readability-redundant-member-init)
  int nice = 0;  // added to its parent's
};

}  // namespace multiprocessing
