#pragma once

/// \file sys/pipe.hpp
/// Pipes, and waiting until a descriptor has something to say.

#include "sys/clock.hpp"
#include "sys/fd.hpp"

namespace multiprocessing::sys {

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

/// Both ends close-on-exec.
/// \throws std::system_error naming pipe2.
[[nodiscard]] Pipe make_pipe();

/// Lets a process of any user that has the read end open it again (/proc/self/fd), as its maker
/// may; also one that has given up the maker's user id since.
/// \throws std::system_error naming fchmod.
void let_reopen_for_reading(const Pipe& pipe);

enum class Ready { yes, timed_out, interrupted };

/// Waits until `fd` is readable or hung up, until the absolute `deadline`; one in the past polls.
/// Who ends it: the other end of the pipe, or the kernel when its holder or a pidfd's process ends.
/// \throws std::system_error naming poll (EBADF if `fd` is not open).
[[nodiscard]] Ready wait_readable(int fd, Nanoseconds deadline = kForever);

/// The same through interruptions, for either of two (`other` < 0: for one): never `interrupted`.
[[nodiscard]] Ready await_readable(int fd, int other, Nanoseconds deadline);

}  // namespace multiprocessing::sys
