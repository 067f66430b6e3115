#pragma once

/// \file sys/surroundings.hpp
/// What a process has around it: standard streams, directory, environment, limits, processors.
///
///   threads   meant for a process that has only one
///   death     all of it goes with the process

#include <sys/types.h>

#include <cstdint>
#include <span>
#include <string>

#include "sys/fd.hpp"

namespace multiprocessing::sys {

/// Another descriptor for what `fd` stands for, close-on-exec and none of the first three.
/// \throws std::system_error naming fcntl (EBADF).
[[nodiscard]] UniqueFd duplicate(int fd);

[[nodiscard]] bool is_open(int fd) noexcept;

/// Closes `fd` when another program is executed.
void close_on_exec(int fd) noexcept;

/// Puts what `source` stands for at the number `target`, for programs to be executed too.
/// \throws std::system_error naming dup2.
void put_descriptor_at(int target, int source);

/// Puts /dev/null in the place of standard input.
/// \throws std::system_error naming open or dup2.
void empty_stdin();

/// Forgets what stdin and cin have read ahead of standard input. Call it once that is another one.
void purge_stdin();

/// \throws std::system_error naming chdir and the directory.
void change_directory(const std::string& path);

/// \throws std::system_error naming setenv and the variable (EINVAL: not a name).
void set_environment(const std::string& name, const std::string& value);

/// Limits the process's private writable memory (RLIMIT_DATA), never above what holds already.
/// \throws std::system_error naming setrlimit.
void limit_memory(std::uint64_t bytes);

/// Runs on these processors only.
/// \throws std::system_error naming sched_setaffinity (EINVAL: none of them can be used).
void use_cpus(std::span<const int> cpus);

/// Adds to the process's niceness.
/// \throws std::system_error naming nice (EPERM).
void add_niceness(int increment);

}  // namespace multiprocessing::sys
