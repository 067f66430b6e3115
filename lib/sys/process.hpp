#pragma once

/// \file sys/process.hpp
/// Processes: how they come to life, how they are told apart, how one learns of their end.
///
///   threads   every function may be called concurrently, unless it says otherwise
///   death     a pid is reused by the kernel; (pid, start time) and a pidfd are not

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "sys/fd.hpp"
#include "sys/pipe.hpp"     // IWYU pragma: export
#include "sys/signals.hpp"  // IWYU pragma: export
#include "sys/streams.hpp"  // IWYU pragma: export

namespace multiprocessing::sys {

/// fork(): 0 in the child, its pid in the parent.
/// \throws std::system_error naming fork (EAGAIN, ENOMEM).
[[nodiscard]] pid_t fork_process();

[[nodiscard]] pid_t current_pid() noexcept;

struct ProcessId {
  pid_t pid = 0;
  std::uint64_t start_time = 0;

  friend bool operator==(const ProcessId&, const ProcessId&) = default;
};

/// The caller's own (pid, start time), read anew at each call.
[[nodiscard]] ProcessId current_process() noexcept;

/// When the process started, in clock ticks since boot; 0 if there is none or it cannot be read.
/// Async-signal-safe.
[[nodiscard]] std::uint64_t start_time(pid_t pid) noexcept;

/// Whether the process that has this pid started then and still runs: neither zombie nor dead.
/// What cannot be told counts as a match (a `start_time` of 0; /proc out of reach, as on EMFILE): a
/// live process is never declared dead by mistake. Async-signal-safe.
[[nodiscard]] bool process_runs(pid_t pid, std::uint64_t start_time) noexcept;

/// \throws std::system_error naming pidfd_open (ESRCH if there is no such process).
[[nodiscard]] UniqueFd open_pidfd(pid_t pid);

/// Sends a signal. False with `errno` if it was not delivered: ESRCH if the process has ended, even
/// if nobody has reaped it. Signal 0 only asks. Async-signal-safe.
bool send_signal(int pidfd, int signal) noexcept;

struct ExitStatus {
  int code = 0;            ///< exit code, or the signal's number
  bool signalled = false;  ///< whether a signal ended it

  friend bool operator==(const ExitStatus&, const ExitStatus&) = default;
};

/// Reaps the child behind `pidfd`, waiting for its end if `block` (through interruptions). Empty
/// with `errno`: EAGAIN if it still runs, ECHILD if it is not ours to reap (somebody else has).
[[nodiscard]] std::optional<ExitStatus> reap(int pidfd, bool block) noexcept;

/// How many threads this process has; 1 if that cannot be read. A thread just joined may still
/// count for a moment.
[[nodiscard]] int threads_running() noexcept;

/// Makes orphaned descendants children of this process.
/// \throws std::system_error naming prctl.
void become_subreaper();

/// Binds the caller's life to a pipe: once the pipe's last write end is closed, the kernel kills
/// the caller with SIGKILL, whatever it does and blocks; at once if that has happened already. The
/// binding lasts as long as the descriptor returned; empty with `errno` if it could not be made.
/// Runs in the child: it allocates nothing and takes no lock.
[[nodiscard]] UniqueFd die_with(int life_pipe_read_end) noexcept;

/// Learns now what set_process_title needs to know, so that no forked child has to.
void prepare_titles() noexcept;

/// Shows `title` in process listings: its first 15 bytes as the name of the calling thread and,
/// while the process has only one thread and the kernel allows it, the whole as the command line.
/// The strings of main's argv stay as they are. Best effort.
void set_process_title(const std::string& title) noexcept;

}  // namespace multiprocessing::sys
