#include "sys/timer_descriptor.hpp"

#include <sys/timerfd.h>

#include <algorithm>

#include "sys/calls.hpp"
#include "sys/error.hpp"
#include "sys/timespec.hpp"

namespace multiprocessing::sys {

TimerDescriptor::TimerDescriptor()
    : timer_(calls().timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) {
  if (!timer_) throw_errno("timerfd_create");
}

void TimerDescriptor::set(Nanoseconds after) noexcept {
  struct itimerspec value{};  // zero: never
  if (after != kForever) value.it_value = to_timespec(std::max<Nanoseconds>(after, 1));
  (void)calls().timerfd_settime(timer_.get(), 0, &value);
}

}  // namespace multiprocessing::sys
