#pragma once

/// \file sys/program_signals.hpp
/// What the program had done about its signals before the library took some of them over, so that
/// a child can be given that.
///
///   sharing   private to a process; a forked child has its parent's record until it restores
///   threads   remembering is for one thread at a time; restoring is for a new child
///   death     nothing to leave behind

#include <signal.h>  // NOLINT(modernize-deprecated-headers): sigset_t is POSIX

#include <cstdint>

namespace multiprocessing::sys {

/// Call before the library installs a handler of its own. Only the first call for a signal counts:
/// true if it was this one.
bool remember_program_action(int signal) noexcept;

/// Call before the library blocks a signal in the calling thread. Only the first call counts: true
/// if it was this one.
bool remember_program_mask(int signal) noexcept;

/// Whether the program had the signal blocked; false also if nothing is remembered.
[[nodiscard]] bool program_had_blocked(int signal) noexcept;

/// Call when the library has put the program's own handler (or mask) back.
void forget_program_action(int signal) noexcept;
void forget_program_mask(int signal) noexcept;

/// In a child: puts back what was remembered, with `mask` for the signals that were not, and
/// forgets it all. Async-signal-safe.
void restore_program_signals(sigset_t mask) noexcept;

/// The signals that the program ignores, one bit each (bit 0: signal 1), whatever the library has
/// installed meanwhile; and what it blocks, starting from `mask`.
[[nodiscard]] std::uint64_t program_ignores() noexcept;
[[nodiscard]] std::uint64_t program_blocks(sigset_t mask) noexcept;

/// In a process that was not forked from the program: ignores these signals, gives all others that
/// it finds ignored their default action, and blocks exactly those.
void take_on_program_signals(std::uint64_t ignored, std::uint64_t blocked) noexcept;

/// A set of signals from its bits.
[[nodiscard]] sigset_t signals_of(std::uint64_t bits) noexcept;

}  // namespace multiprocessing::sys
