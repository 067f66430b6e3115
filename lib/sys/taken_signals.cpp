#include "sys/taken_signals.hpp"

#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <mutex>
#include <new>
#include <string>

#include "sys/calls.hpp"
#include "sys/error.hpp"
#include "sys/program_signals.hpp"

namespace multiprocessing::sys {
namespace {

struct Taken {
  int users;
  bool action_is_ours;  // remembered for the children by us, hence forgotten by us
  bool mask_is_ours;
  struct sigaction before;
};

std::mutex lock;  // guards what follows
constinit std::array<Taken, NSIG> taken{};
constinit std::uint64_t generation = 0;  // goes up in a child that has taken nothing

Taken& record_of(int signal) noexcept {
  return taken[static_cast<std::size_t>(signal)];
}

// In a thread that does not block the signal: it does from now on, and the signal is the process's
// again. Ends at the latest when all threads block it.
void give_back_to_process(int signal, siginfo_t* info, void* context) {
  const int saved = errno;
  sigaddset(&static_cast<ucontext_t*>(context)->uc_sigmask, signal);
  if (::syscall(SYS_rt_sigqueueinfo, ::getpid(), signal, info) != 0) {
    calls().kill(::getpid(), signal);
  }
  errno = saved;
}

sigset_t only(int signal) noexcept {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signal);
  return set;
}

void take(int signal) {
  Taken& record = record_of(signal);
  const sigset_t mask = only(signal);
  if (record.users == 0) {
    const bool action_is_ours = remember_program_action(signal);
    struct sigaction action{};
    action.sa_sigaction = give_back_to_process;
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    sigemptyset(&action.sa_mask);
    if (::sigaction(signal, &action, &record.before) != 0) {
      const int error = errno;
      if (action_is_ours) forget_program_action(signal);
      throw_error(error, "sigaction", "signal " + std::to_string(signal));
    }
    record.action_is_ours = action_is_ours;
    record.mask_is_ours = remember_program_mask(signal);
  }
  ++record.users;
  ::pthread_sigmask(SIG_BLOCK, &mask, nullptr);
}

void give_back(int signal) noexcept {
  Taken& record = record_of(signal);
  if (record.users == 0) return;
  if (--record.users > 0) return;
  struct sigaction now{};
  // Another handler stands there: whoever put it there wants it.
  const bool ours = ::sigaction(signal, nullptr, &now) == 0 && (now.sa_flags & SA_SIGINFO) != 0 &&
                    now.sa_sigaction == give_back_to_process;
  if (ours) ::sigaction(signal, &record.before, nullptr);
  const bool stays_blocked = program_had_blocked(signal);
  if (record.mask_is_ours) forget_program_mask(signal);
  if (record.action_is_ours && ours) forget_program_action(signal);
  record.action_is_ours = record.mask_is_ours = false;
  const sigset_t mask = only(signal);
  if (!stays_blocked) ::pthread_sigmask(SIG_UNBLOCK, &mask, nullptr);
}

}  // namespace

TakenSignals::TakenSignals(const sigset_t& signals) : signals_(signals) {
  fd_.reset(above_standard_streams(calls().signalfd(-1, &signals_, SFD_NONBLOCK | SFD_CLOEXEC)));
  if (!fd_) throw_errno("signalfd");
  const std::lock_guard guard(lock);
  generation_ = generation;
  try {
    for (int signal = 1; signal < NSIG; ++signal) {
      if (sigismember(&signals_, signal) != 1) continue;
      take(signal);
      taken_ |= std::uint64_t{1} << static_cast<unsigned>(signal - 1);
    }
  } catch (...) {
    for (int signal = 1; signal < NSIG; ++signal) {
      if ((taken_ >> static_cast<unsigned>(signal - 1) & 1U) != 0) give_back(signal);
    }
    throw;
  }
}

TakenSignals::~TakenSignals() {
  const std::lock_guard guard(lock);
  if (generation_ != generation) return;  // a parent's
  for (int signal = 1; signal < NSIG; ++signal) {
    if ((taken_ >> static_cast<unsigned>(signal - 1) & 1U) != 0) give_back(signal);
  }
}

int TakenSignals::read() const {
  signalfd_siginfo info{};
  for (;;) {
    const ssize_t got = calls().read(fd_.get(), &info, sizeof info);
    if (got == static_cast<ssize_t>(sizeof info)) return static_cast<int>(info.ssi_signo);
    if (got >= 0 || errno == EAGAIN) return 0;
    if (errno != EINTR) throw_errno("read", "signalfd");
  }
}

void renew_taken_signals() noexcept {
  new (&lock) std::mutex;
}

void forget_taken_signals() noexcept {
  taken = {};
  ++generation;
}

}  // namespace multiprocessing::sys
