#pragma once

/// \file sys/oom.hpp
/// Whether the kernel has ended processes for want of memory.

#include <cstdint>
#include <string>
#include <string_view>

namespace multiprocessing::sys {

/// How many processes of this process's control group (version 2, with the groups below it, or
/// version 1) the out-of-memory killer has killed so far; 0 if nothing says so.
[[nodiscard]] std::uint64_t oom_kills();

/// The same with the groups at `cgroup_root` and this text as /proc/self/cgroup.
[[nodiscard]] std::uint64_t oom_kills(const std::string& cgroup_root, std::string_view membership);

}  // namespace multiprocessing::sys
