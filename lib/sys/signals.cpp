#include "sys/signals.hpp"

#include <unistd.h>

#include <csignal>

#include "sys/calls.hpp"

namespace multiprocessing::sys {
namespace {

void set_disposition(int signal, void (*handler)(int)) noexcept {
  struct sigaction action{};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  // Fails for SIGKILL, SIGSTOP and the two that libc keeps for itself: as it should be.
  ::sigaction(signal, &action, nullptr);
}

}  // namespace

BlockedSignals::BlockedSignals() noexcept {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before_);
}

BlockedSignals::~BlockedSignals() {
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void reset_signals_to_default() noexcept {
  for (int signal = 1; signal < NSIG; ++signal) set_disposition(signal, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  pthread_sigmask(SIG_SETMASK, &none, nullptr);
}

sigset_t own_mask() noexcept {
  sigset_t mask;
  sigemptyset(&mask);
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  return mask;
}

void ignore_signal(int signal) noexcept {
  set_disposition(signal, SIG_IGN);
}

void kill_self() noexcept {
  while (true) {
    calls().kill(::getpid(), SIGKILL);
    ::pause();
  }
}

}  // namespace multiprocessing::sys
