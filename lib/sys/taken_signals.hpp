#pragma once

/// \file sys/taken_signals.hpp
/// Signals that are taken from the program, to be read from a descriptor instead.
///
///   sharing   private to a process; a child that was given the program's signals has taken none
///   threads   every function may be called concurrently. A mask belongs to a thread: the caller's
///             blocks them at once, another one as soon as it gets such a signal, which it gives
///             back to the process
///   death     nothing to leave behind

#include <signal.h>  // NOLINT(modernize-deprecated-headers): sigset_t is POSIX

#include <cstdint>

#include "sys/fd.hpp"

namespace multiprocessing::sys {

class TakenSignals {
 public:
  /// Takes them, and opens a descriptor that is readable while one of them has come.
  /// \throws std::system_error naming signalfd (EMFILE) or sigaction (EINVAL); then none is taken.
  explicit TakenSignals(const sigset_t& signals);
  TakenSignals(const TakenSignals&) = delete;
  TakenSignals& operator=(const TakenSignals&) = delete;

  /// The last one that takes a signal gives it back: what the program had done about it holds, and
  /// the caller's mask is as it was. One that came and was not read takes its effect then.
  ~TakenSignals();

  /// The next one that has come; 0 if none has.
  [[nodiscard]] int read() const;

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

 private:
  sigset_t signals_;
  std::uint64_t generation_ = 0;
  std::uint64_t taken_ = 0;  // bit n - 1: signal n is counted for this object
  UniqueFd fd_;
};

/// In a forked child, which has one thread: another one of the parent may have been at it.
void renew_taken_signals() noexcept;

/// In a child that has been given the program's signals: nothing is taken any more.
void forget_taken_signals() noexcept;

}  // namespace multiprocessing::sys
