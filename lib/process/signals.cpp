#include <multiprocessing/signals.hpp>

#include <algorithm>
#include <array>
#include <string>

#include "process/interrupt.hpp"
#include "shm/process_table.hpp"
#include "shm/watch.hpp"
#include "sys/interrupt.hpp"
#include "sys/taken_signals.hpp"

namespace multiprocessing {
namespace {

constexpr std::array kFaults{SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
constexpr std::array kBeyondControl{SIGKILL, SIGSTOP};

template <class Signals>
bool among(int signal, const Signals& signals) noexcept {
  return std::find(signals.begin(), signals.end(), signal) != signals.end();
}

void check(std::initializer_list<int> signals) {
  for (const int signal : signals) {
    const std::string number = "signal " + std::to_string(signal);
    if (signal <= 0 || signal > SIGRTMAX || (signal >= 32 && signal < SIGRTMIN)) {
      throw ValueError(number + " does not exist, or is not the program's");
    }
    if (among(signal, kBeyondControl)) throw ValueError(number + " cannot be caught");
    if (among(signal, kFaults)) {
      throw ValueError(number + " tells of a fault: the program cannot go on after it");
    }
  }
}

void throw_what_came() {
  if (const int signal = sys::take_interrupt(); signal != 0) throw KeyboardInterrupt(signal);
}

void begin_as_a_child() noexcept {
  sys::forget_interrupts();
  sys::renew_taken_signals();
}

// At load, so that no fork comes into the middle of it.
const bool hooked = (shm::register_fork_hook(begin_as_a_child), true);

void install_hooks() noexcept {
  shm::set_interrupt_hook(throw_what_came);
  process::set_interrupt_hook(throw_what_came);
}

}  // namespace

void raise_on_signal(std::initializer_list<int> signals) {
  check(signals);
  install_hooks();
  for (const int signal : signals) sys::interrupt_waits_on(signal);
}

struct Signals::State : sys::TakenSignals {
  using TakenSignals::TakenSignals;
};

Signals::Signals(std::initializer_list<int> signals) {
  check(signals);
  install_hooks();
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) sigaddset(&set, signal);
  state_ = std::make_shared<const State>(set);
}

std::optional<int> Signals::wait(Timeout timeout) const {
  const sys::Nanoseconds deadline = timeout.deadline();
  for (;;) {
    if (const int signal = state_->read(); signal != 0) return signal;
    switch (sys::wait_readable_interruptibly(state_->fd(), deadline)) {
      case sys::Ready::yes:  // unless another thread is faster
        break;
      case sys::Ready::timed_out:
        return std::nullopt;
      case sys::Ready::interrupted:
        process::interrupted();
        break;
    }
  }
}

int Signals::fileno() const noexcept {
  return state_->fd();
}

}  // namespace multiprocessing
