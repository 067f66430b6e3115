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

enum class Ready { yes, timed_out, interrupted };

/// Waits until `fd` is readable or hung up, until the absolute `deadline`; one in the past polls.
/// Who ends it: the other end of the pipe, or the kernel when its holder or a pidfd's process ends.
/// \throws std::system_error naming poll (EBADF if `fd` is not open).
[[nodiscard]] Ready wait_readable(int fd, Nanoseconds deadline = kForever);

}  // namespace multiprocessing::sys
