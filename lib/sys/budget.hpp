#pragma once

/// \file sys/budget.hpp
/// How much memory this process may use: the machine's, or its control group's if that is less.

#include <cstdint>
#include <string>

namespace multiprocessing::sys {

/// min(physical memory, memory limits of the process's cgroup and of all its ancestors), v1 or v2.
[[nodiscard]] std::uint64_t memory_budget();

/// The same on any tree: `cgroup_root` stands for /sys/fs/cgroup, `membership` for the text of
/// /proc/self/cgroup, `physical` for the machine's memory. What cannot be read sets no limit.
[[nodiscard]] std::uint64_t memory_budget(const std::string& cgroup_root,
                                          const std::string& membership, std::uint64_t physical);

}  // namespace multiprocessing::sys
