#pragma once

/// \file sys/children.hpp
/// What a parent asks the kernel about its children.
///
///   threads   every function may be called concurrently
///   death     that of a child is what most of this is about

#include <sys/types.h>

#include <optional>

#include "sys/process.hpp"

namespace multiprocessing::sys {

/// Whether any child of this process has ended and waits to be reaped. Reaps nothing.
[[nodiscard]] bool zombie_waits() noexcept;

/// Whether the process behind `pidfd` is a child of ours that nobody has reaped.
[[nodiscard]] bool is_unreaped_child(int pidfd) noexcept;

/// How a process ended that somebody else has reaped; empty before Linux 6.15, or if it has not.
[[nodiscard]] std::optional<ExitStatus> exit_status_after_reaping(int pidfd) noexcept;

/// A descriptor that becomes readable when a child ends, whichever thread the SIGCHLD reaches; once
/// in a process. The signal is let through in this thread.
/// \throws std::system_error naming eventfd.
[[nodiscard]] UniqueFd watch_children();

/// In a child forked from a process that watches its own: SIGCHLD has its default action.
void stop_watching_children() noexcept;

struct Ended {
  pid_t pid = 0;
  ExitStatus status;
};
/// Takes what `watch_children` has to tell, and reaps one child that has ended, if there is one.
[[nodiscard]] std::optional<Ended> reap_any(int watch) noexcept;

/// Kills and reaps a child of which there is no pidfd.
void kill_and_reap(pid_t child) noexcept;

/// Sends a signal to the whole process group that the process led, also if that has ended. Before
/// Linux 6.9 the group is named by its number, so the leader must not have been reaped; one that is
/// not our child must run.
/// False with `errno` if nobody got it.
bool send_signal_to_group(int pidfd, pid_t leader, int signal) noexcept;

/// Puts a child that has not called exec yet into a group of its own. Both sides do it, so that
/// it is done before either goes on. Async-signal-safe.
void lead_own_group(pid_t child) noexcept;

/// Whether this process has other threads. Costs nothing in one that never had any.
[[nodiscard]] bool has_other_threads() noexcept;

}  // namespace multiprocessing::sys
