#include "sys/program_signals.hpp"

#include <array>
#include <csignal>

namespace multiprocessing::sys {
namespace {

struct Remembered {
  bool action_known;
  bool mask_known;
  bool blocked;
  struct sigaction action;
};

constinit std::array<Remembered, NSIG> remembered{};
constinit bool anything = false;

// The record of a signal; that of signal 0, which nobody has, for a number out of range.
Remembered& record_of(int signal) noexcept {
  return remembered[static_cast<std::size_t>(signal > 0 && signal < NSIG ? signal : 0)];
}

}  // namespace

bool remember_program_action(int signal) noexcept {
  Remembered& record = record_of(signal);
  if (record.action_known || ::sigaction(signal, nullptr, &record.action) != 0) return false;
  return record.action_known = anything = true;
}

bool remember_program_mask(int signal) noexcept {
  Remembered& record = record_of(signal);
  sigset_t mask;
  if (record.mask_known || ::pthread_sigmask(SIG_SETMASK, nullptr, &mask) != 0) return false;
  record.blocked = sigismember(&mask, signal) == 1;
  return record.mask_known = anything = true;
}

bool program_had_blocked(int signal) noexcept {
  const Remembered& record = record_of(signal);
  return record.mask_known && record.blocked;
}

void forget_program_action(int signal) noexcept {
  record_of(signal).action_known = false;
}
void forget_program_mask(int signal) noexcept {
  record_of(signal).mask_known = false;
}

void restore_program_signals(sigset_t mask) noexcept {
  for (int signal = 1; anything && signal < NSIG; ++signal) {
    Remembered& record = record_of(signal);
    if (record.action_known) ::sigaction(signal, &record.action, nullptr);
    if (record.mask_known) (record.blocked ? sigaddset : sigdelset)(&mask, signal);
    record.action_known = record.mask_known = false;
  }
  anything = false;
  ::pthread_sigmask(SIG_SETMASK, &mask, nullptr);
}

}  // namespace multiprocessing::sys
