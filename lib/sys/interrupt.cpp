#include "sys/interrupt.hpp"

#include <linux/futex.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <csignal>

#include "sys/calls.hpp"
#include "sys/error.hpp"
#include "sys/program_signals.hpp"
#include "sys/timespec.hpp"

namespace multiprocessing::sys {
namespace {

constexpr std::uint32_t kFutex32 = 2;  // FUTEX_32, FUTEX2_SIZE_U32
constexpr std::uint32_t kFutexPrivate = 128;
constexpr Nanoseconds kWithoutWaitv = 10'000'000;  // how long a signal may go unseen there

// relaxed, here and below: the main thread is the only one that reads these and the only one in
// which the handler writes them; the one who arms happens before, as for any thread.
constinit std::atomic<bool> armed{false};
constinit std::atomic<std::uint64_t> came{0};    // bit n - 1: signal n
constinit std::atomic<std::uint32_t> raised{0};  // 1: `came` is not empty
constinit std::atomic<bool> waitv_missing{false};
constinit sigset_t raising{};

static_assert(NSIG <= 65, "a signal is a bit of `came`");

bool in_main_thread() noexcept {
  return ::gettid() == ::getpid();
}

bool armed_here() noexcept {
  return armed.load(std::memory_order_relaxed) && in_main_thread();
}

bool pending() noexcept {
  return raised.load(std::memory_order_relaxed) != 0;
}

void on_signal(int signal) {
  const int saved = errno;
  if (in_main_thread()) {
    came.fetch_or(std::uint64_t{1} << static_cast<unsigned>(signal - 1), std::memory_order_relaxed);
    raised.store(1, std::memory_order_relaxed);
  } else {
    calls().tgkill(::getpid(), ::getpid(), signal);
  }
  errno = saved;
}

FutexWaiter waiter(const std::atomic<std::uint32_t>& word, std::uint32_t expected,
                   std::uint32_t flags) noexcept {
  return {.value = expected,
          .address = reinterpret_cast<std::uintptr_t>(&word),
          .flags = flags,
          .reserved = 0};
}

// Where the kernel cannot wait for two words (before Linux 5.16): in short slices.
Wait wait_in_slices(const std::atomic<std::uint32_t>& word, std::uint32_t expected,
                    Nanoseconds deadline) noexcept {
  const Nanoseconds slice = std::min(deadline, deadline_after(kWithoutWaitv));
  const Wait result = futex_wait(word, expected, slice);
  if (pending() && result != Wait::woken) return Wait::interrupted;
  return result == Wait::timed_out && slice < deadline ? Wait::changed : result;
}

}  // namespace

void interrupt_waits_on(int signal) {
  remember_program_action(signal);
  struct sigaction action{};
  action.sa_handler = on_signal;  // without SA_RESTART: the call shall end
  sigemptyset(&action.sa_mask);
  if (::sigaction(signal, &action, nullptr) != 0) {
    throw_error(errno, "sigaction", "signal " + std::to_string(signal));
  }
  sigaddset(&raising, signal);
  armed.store(true, std::memory_order_relaxed);
}

int take_interrupt() noexcept {
  if (!pending() || !in_main_thread()) return 0;
  raised.store(0, std::memory_order_relaxed);  // the handler may raise it again at any moment
  const std::uint64_t all = came.load(std::memory_order_relaxed);
  if (all == 0) return 0;
  const int signal = std::countr_zero(all) + 1;
  came.fetch_and(~(all & -all), std::memory_order_relaxed);
  if (came.load(std::memory_order_relaxed) != 0) raised.store(1, std::memory_order_relaxed);
  return signal;
}

void forget_interrupts() noexcept {
  came.store(0, std::memory_order_relaxed);
  raised.store(0, std::memory_order_relaxed);
}

void stop_interrupting() noexcept {
  armed.store(false, std::memory_order_relaxed);
  sigemptyset(&raising);
  forget_interrupts();
}

Wait futex_wait_interruptibly(const std::atomic<std::uint32_t>& word, std::uint32_t expected,
                              Nanoseconds deadline) noexcept {
  if (!armed_here()) return futex_wait(word, expected, deadline);
  if (pending()) return Wait::interrupted;
  if (waitv_missing.load(std::memory_order_relaxed)) {
    return wait_in_slices(word, expected, deadline);
  }
  // Of several that were woken the kernel names the last: a consumed wake-up is never hidden.
  std::array both{waiter(raised, 0, kFutex32 | kFutexPrivate), waiter(word, expected, kFutex32)};
  const std::timespec until = to_timespec(deadline);
  const long result =
      calls().futex_waitv(both.data(), both.size(), deadline == kForever ? nullptr : &until);
  if (result == 1) return Wait::woken;
  if (result == 0) return Wait::changed;  // nobody wakes the flag: spurious
  switch (errno) {
    case EAGAIN:
      return pending() ? Wait::interrupted : Wait::changed;
    case ETIMEDOUT:
      return Wait::timed_out;
    case EINTR:
      return Wait::interrupted;
    default:
      waitv_missing.store(true, std::memory_order_relaxed);
      return wait_in_slices(word, expected, deadline);
  }
}

namespace {

// As poll; `only_a_signal` if there is nothing but a signal that was pending before.
int poll_armed(struct pollfd* fds, std::size_t count, const std::timespec* limit,
               bool& only_a_signal) {
  sigset_t before;
  ::pthread_sigmask(SIG_BLOCK, &raising, &before);
  const bool raises = pending();  // nothing can come between this look and the kernel's wait
  constexpr std::timespec kAtOnce{};
  const int result = calls().poll_under(fds, count, raises ? &kAtOnce : limit, &before);
  const int error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  only_a_signal = raises && result == 0;
  return result;
}

}  // namespace

Ready poll_interruptibly(struct pollfd* fds, std::size_t count, Nanoseconds deadline) {
  const bool forever = deadline == kForever;
  const std::timespec left =
      forever ? std::timespec{} : to_timespec(std::max<Nanoseconds>(deadline, 0) - now());
  const std::timespec* const limit = forever ? nullptr : &left;
  const bool polls = !forever && left.tv_sec == 0 && left.tv_nsec == 0;
  bool only_a_signal = false;
  const int result = polls || !armed_here() ? calls().poll(fds, count, limit)
                                            : poll_armed(fds, count, limit, only_a_signal);
  if (only_a_signal) return Ready::interrupted;
  if (result == 0) return Ready::timed_out;
  if (result < 0 && errno == EINTR) return Ready::interrupted;
  if (result < 0) throw_errno("poll");
  return Ready::yes;
}

Ready wait_readable_interruptibly(int fd, Nanoseconds deadline) {
  struct pollfd watched = {.fd = fd, .events = POLLIN, .revents = 0};
  const Ready result = poll_interruptibly(&watched, 1, deadline);
  if (result == Ready::yes && (watched.revents & POLLNVAL) != 0) throw_error(EBADF, "poll");
  return result;
}

}  // namespace multiprocessing::sys
