#pragma once

/// \file sys/spawn.hpp
/// The program of this process, started anew.
///
///   threads   every function may be called concurrently; the environment is read, so nobody should
///             change it meanwhile
///   death     before the call returns the child may have been killed like any other

#include <signal.h>  // NOLINT(modernize-deprecated-headers): sigset_t is POSIX
#include <sys/types.h>

#include <array>
#include <span>
#include <string>
#include <vector>

namespace multiprocessing::sys {

struct SpawnPlan {
  std::array<int, 3> streams{-1, -1, -1};  // what becomes standard input, ...; -1: as they are
  std::vector<int> descriptors;            // become 3, 4, ... in the child, open across the exec
  std::string variable;                    // "NAME=value", put into the environment
  sigset_t mask{};                         // of the child's first thread
  bool own_group = false;                  // it leads a process group of its own
};

inline constexpr int kFirstDescriptor = 3;

/// Executes /proc/self/exe with the arguments that this program got. The child has the descriptors
/// of the plan and no others; its memory has nothing to do with this process's, whose size does not
/// matter.
/// \throws std::system_error naming posix_spawn; then there is no child.
[[nodiscard]] pid_t spawn_self(const SpawnPlan& plan);

/// The environment as "NAME=value".
[[nodiscard]] std::vector<std::string> environment();

/// Makes it exactly this one. For a process that has only one thread.
/// \throws std::system_error naming putenv.
void replace_environment(std::span<const std::string> environment);

void forget_variable(const char* name) noexcept;

/// The current directory; empty if it cannot be told.
[[nodiscard]] std::string current_directory();

}  // namespace multiprocessing::sys
