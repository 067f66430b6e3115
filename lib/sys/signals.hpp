#pragma once

/// \file sys/signals.hpp
/// Signal masks and dispositions.

#include <signal.h>  // NOLINT(modernize-deprecated-headers): sigset_t is POSIX

namespace multiprocessing::sys {

/// Blocks all signals in the calling thread until the end of the scope.
class BlockedSignals {
 public:
  BlockedSignals() noexcept;
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;
  ~BlockedSignals();

  /// What was blocked before.
  [[nodiscard]] const sigset_t& before() const noexcept { return before_; }

 private:
  sigset_t before_{};
};

/// Gives every signal its default action, ignored ones included, and blocks none. For a child that
/// shall carry nothing of its parent's. Async-signal-safe.
void reset_signals_to_default() noexcept;

/// What the calling thread blocks.
[[nodiscard]] sigset_t own_mask() noexcept;

/// Ignores one signal. Async-signal-safe.
void ignore_signal(int signal) noexcept;

/// Kills the calling process with SIGKILL.
[[noreturn]] void kill_self() noexcept;

}  // namespace multiprocessing::sys
