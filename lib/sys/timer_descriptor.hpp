#pragma once

/// \file sys/timer_descriptor.hpp
/// A descriptor that is readable when some time has passed.
///
///   sharing   a forked child shares the timer, not only a copy: it must leave it alone
///   threads   any number at a time; the last one to set it counts
///   death     the kernel closes it

#include "sys/clock.hpp"
#include "sys/fd.hpp"

namespace multiprocessing::sys {

class TimerDescriptor {
 public:
  /// Not set. \throws std::system_error naming timerfd_create
  TimerDescriptor();

  /// Readable `after` nanoseconds from now, and until it is set anew; never if it is `kForever`.
  void set(Nanoseconds after) noexcept;
  /// To be polled.
  [[nodiscard]] int fd() const noexcept { return timer_.get(); }

 private:
  UniqueFd timer_;
};

}  // namespace multiprocessing::sys
