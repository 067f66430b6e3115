#include "sys/timer.hpp"

#include <csignal>

#include "sys/calls.hpp"
#include "sys/error.hpp"
#include "sys/process.hpp"
#include "sys/timespec.hpp"

namespace multiprocessing::sys {

KillTimer::KillTimer() : owner_(current_pid()) {
  struct sigevent event{};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGKILL;
  if (calls().timer_create(CLOCK_MONOTONIC, &event, &timer_) != 0) throw_errno("timer_create");
}

// Timer numbers start anew in each process, so in a forked child ours may name one of the child's.
KillTimer::~KillTimer() {
  if (owner_ == current_pid()) calls().timer_delete(timer_);
}

void KillTimer::arm(Nanoseconds after) {
  if (owner_ != current_pid()) return;
  if (after == kForever) {
    disarm();
    return;
  }
  struct itimerspec value{};
  value.it_value = to_timespec(after > 0 ? after : 1);  // zero would disarm
  if (calls().timer_settime(timer_, 0, &value) != 0) throw_errno("timer_settime");
}

void KillTimer::disarm() noexcept {
  if (owner_ != current_pid()) return;
  constexpr struct itimerspec kNever{};
  calls().timer_settime(timer_, 0, &kNever);
}

}  // namespace multiprocessing::sys
