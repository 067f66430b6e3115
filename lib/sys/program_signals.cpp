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

constexpr int kLastSignal = 64;

constexpr std::uint64_t bit_of(int signal) noexcept {
  return std::uint64_t{1} << static_cast<unsigned>(signal - 1);
}

bool is_ignored(const struct sigaction& action) noexcept {
  return (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == SIG_IGN;
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

std::uint64_t program_ignores() noexcept {
  std::uint64_t ignored = 0;
  for (int signal = 1; signal <= kLastSignal; ++signal) {
    struct sigaction action{};
    const Remembered& record = record_of(signal);
    if (record.action_known) {
      action = record.action;
    } else if (::sigaction(signal, nullptr, &action) != 0) {
      continue;  // one that libc keeps to itself
    }
    if (is_ignored(action)) ignored |= bit_of(signal);
  }
  return ignored;
}

std::uint64_t program_blocks(sigset_t mask) noexcept {
  std::uint64_t blocked = 0;
  for (int signal = 1; signal <= kLastSignal; ++signal) {
    const Remembered& record = record_of(signal);
    const bool is = record.mask_known ? record.blocked : sigismember(&mask, signal) == 1;
    if (is) blocked |= bit_of(signal);
  }
  return blocked;
}

void take_on_program_signals(std::uint64_t ignored, std::uint64_t blocked) noexcept {
  for (int signal = 1; signal <= kLastSignal; ++signal) {
    struct sigaction action{};
    if (::sigaction(signal, nullptr, &action) != 0) continue;
    const bool wanted = (ignored & bit_of(signal)) != 0;
    if (wanted == is_ignored(action)) continue;
    ::signal(signal, wanted ? SIG_IGN : SIG_DFL);
  }
  const sigset_t mask = signals_of(blocked);
  ::pthread_sigmask(SIG_SETMASK, &mask, nullptr);
}

sigset_t signals_of(std::uint64_t bits) noexcept {
  sigset_t set;
  sigemptyset(&set);
  for (int signal = 1; signal <= kLastSignal; ++signal) {
    if ((bits & bit_of(signal)) != 0) sigaddset(&set, signal);
  }
  return set;
}

}  // namespace multiprocessing::sys
