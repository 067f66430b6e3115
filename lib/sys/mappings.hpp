#pragma once

/// \file sys/mappings.hpp
/// What other processes have in their memory. Async-signal-safe.

#include <sys/types.h>

#include <cstdint>

namespace multiprocessing::sys {

enum class Mapped {
  no,  ///< also of a process that has ended, or is about to
  yes,
  unknown  ///< no /proc, no descriptor left, or a process that is none of ours to look into
};

/// Whether process `pid` maps the file with this inode. The kernel takes a process's memory away
/// before its descriptors, at its end and at an exec.
[[nodiscard]] Mapped maps_file(pid_t pid, std::uint64_t device, std::uint64_t inode) noexcept;

}  // namespace multiprocessing::sys
