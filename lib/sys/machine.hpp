#pragma once

/// \file sys/machine.hpp
/// Where this process runs, for those who ask whether somebody else runs there, too.
///
///   threads   every function may be called concurrently
///   death     nothing to leave behind; a lock goes with its process

#include <cstdint>
#include <string>

#include "sys/clock.hpp"
#include "sys/fd.hpp"

namespace multiprocessing::sys {

/// Of this run of the machine's kernel; empty if it cannot be read.
[[nodiscard]] std::string boot_id();

/// A number that only processes in the same pid namespace have; 0 if it cannot be read.
[[nodiscard]] std::uint64_t pid_namespace() noexcept;

/// A lock on the directory that `path` lies in, shared with all who ask so; held by the descriptor.
/// Empty if the directory cannot be opened, or somebody held the lock until the deadline.
[[nodiscard]] UniqueFd lock_directory_of(const std::string& path, Nanoseconds deadline);

}  // namespace multiprocessing::sys
