#pragma once

/// \file multiprocessing/signals.hpp
/// Signals as an exception out of a blocking call, or as an object to wait for.
///
///   sharing   both belong to one process: a child that a Process starts begins with the signal
///   mask
///             and dispositions that the program had before, and may call for its own
///   threads   `wait` may be called from any thread, `raise_on_signal` from the main one
///   ordering  none
///   death     nothing is left behind
///
/// \code
///   mp::raise_on_signal();  // Ctrl-C
///   try {
///     pool.map(work, items);
///   } catch (const mp::KeyboardInterrupt&) {
///     std::cerr << "interrupted\n";
///   }
/// \endcode

#include <csignal>
#include <initializer_list>
#include <memory>
#include <optional>

#include <multiprocessing/detail/export.hpp>
#include <multiprocessing/detail/vocabulary.hpp>

namespace multiprocessing {

/// From now on each of these signals makes the blocking call of this library that the main thread
/// is in throw KeyboardInterrupt, or the next one that would have to wait. What it waited for stays
/// where it is: no item, permit or notification is lost by it. Signals that come together are
/// thrown one after the other. Mirrors Python's handling of SIGINT.
/// \throws ValueError for a number that is no signal, and for SIGKILL, SIGSTOP and signals that
/// tell of a fault (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS).
MULTIPROCESSING_API void raise_on_signal(std::initializer_list<int> signals = {SIGINT});

/// Takes signals from the program as long as it lives: they are blocked in the calling thread, and
/// in any other one that gets such a signal, and are fetched here. Copies are one object; the last
/// one restores what was (in the thread that drops it), and a signal that came and was not fetched
/// takes its effect then. While it lives it has precedence over `raise_on_signal`.
class MULTIPROCESSING_API Signals {
 public:
  /// \throws ValueError as raise_on_signal does; std::system_error naming signalfd (EMFILE).
  explicit Signals(std::initializer_list<int> signals);

  /// Blocks until one of the signals has come, whose number it is; nullopt if the time-out passed.
  /// Signals that a thread sent to itself alone (`raise`) are seen by that thread only.
  /// \throws KeyboardInterrupt for a signal of raise_on_signal
  [[nodiscard]] std::optional<int> wait(Timeout timeout = {}) const;

  /// A file descriptor that is readable while one of the signals has come.
  [[nodiscard]] int fileno() const noexcept;

  friend bool operator==(const Signals&, const Signals&) noexcept = default;

 private:
  friend struct std::hash<Signals>;
  struct State;

  std::shared_ptr<const State> state_;  // never null
};

}  // namespace multiprocessing

template <>
struct std::hash<multiprocessing::Signals> {
  std::size_t operator()(const multiprocessing::Signals& signals) const noexcept {
    return std::hash<std::shared_ptr<const multiprocessing::Signals::State>>{}(signals.state_);
  }
};
