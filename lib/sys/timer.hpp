#pragma once

/// \file sys/timer.hpp
/// A time limit that a process sets on itself and cannot escape: SIGKILL by POSIX timer.
///
///   sharing   timers are not inherited: in a forked child every member is without effect
///   threads   one thread at a time
///   death     the kernel deletes the timer with the process, also on exec

#include <sys/types.h>

#include <ctime>

#include "sys/clock.hpp"

namespace multiprocessing::sys {

class KillTimer {
 public:
  /// \throws std::system_error naming timer_create (EAGAIN).
  KillTimer();
  KillTimer(const KillTimer&) = delete;
  KillTimer& operator=(const KillTimer&) = delete;
  ~KillTimer();

  /// Kills this process `after` nanoseconds from now, unless armed anew or disarmed before; at once
  /// if that is not positive, never if it is `kForever`.
  /// \throws std::system_error naming timer_settime.
  void arm(Nanoseconds after);

  void disarm() noexcept;

 private:
  timer_t timer_{};
  pid_t owner_;
};

}  // namespace multiprocessing::sys
