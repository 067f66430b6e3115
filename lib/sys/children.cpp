#include "sys/children.hpp"

#include <sys/ioctl.h>
#include <sys/single_threaded.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>

#include "sys/calls.hpp"
#include "sys/error.hpp"
#include "sys/socket.hpp"
#include "sys/thread.hpp"

namespace multiprocessing::sys {
namespace {

// linux/pidfd.h of Linux 6.15, which the build machine's headers need not know.
struct PidfdInfo {
  std::uint64_t mask;
  std::uint64_t cgroup;
  std::array<std::uint32_t, 11> ids;
  std::int32_t exit_code;  // as wait() gives it
};
static_assert(sizeof(PidfdInfo) == 64 && offsetof(PidfdInfo, exit_code) == 60,
              "the kernel calls this PIDFD_INFO_SIZE_VER0");
constexpr unsigned long kGetInfo = _IOWR(0xFF, 11, PidfdInfo);
constexpr std::uint64_t kInfoExit = 1U << 3U;

constexpr unsigned kSignalGroup = 1U << 2U;  // PIDFD_SIGNAL_PROCESS_GROUP, Linux 6.9

constinit std::atomic<int> children_bell{-1};

void ring_for_child(int /*signal*/) {
  const int saved = errno;
  ring(children_bell.load(std::memory_order_relaxed));  // relaxed: set before the handler was
  errno = saved;
}

}  // namespace

bool zombie_waits() noexcept {
  siginfo_t info{};
  return calls().waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0;
}

bool is_unreaped_child(int pidfd) noexcept {
  siginfo_t info{};
  constexpr int kOptions = WEXITED | WNOHANG | WNOWAIT;
  return calls().waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, kOptions) == 0 || errno != ECHILD;
}

std::optional<ExitStatus> exit_status_after_reaping(int pidfd) noexcept {
  PidfdInfo info{};
  info.mask = kInfoExit;
  if (::ioctl(pidfd, kGetInfo, &info) != 0 || (info.mask & kInfoExit) == 0) return std::nullopt;
  if (WIFSIGNALED(info.exit_code)) {
    return ExitStatus{.code = WTERMSIG(info.exit_code), .signalled = true};
  }
  return ExitStatus{.code = WEXITSTATUS(info.exit_code), .signalled = false};
}

UniqueFd watch_children() {
  UniqueFd bell = make_bell();
  children_bell.store(bell.get(), std::memory_order_relaxed);  // before the handler is there
  struct sigaction action{};
  action.sa_handler = ring_for_child;
  action.sa_flags = SA_RESTART | SA_NOCLDSTOP;
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGCHLD, &action, nullptr);  // an ignored one would reap them for us
  sigset_t children;
  sigemptyset(&children);
  sigaddset(&children, SIGCHLD);
  pthread_sigmask(SIG_UNBLOCK, &children, nullptr);
  return bell;
}

void stop_watching_children() noexcept {
  std::signal(SIGCHLD, SIG_DFL);
  children_bell.store(-1, std::memory_order_relaxed);  // relaxed: the process has one thread
}

std::optional<Ended> reap_any(int watch) noexcept {
  quiet(watch);
  siginfo_t info{};
  if (calls().waitid(P_ALL, 0, &info, WEXITED | WNOHANG) != 0 || info.si_pid == 0) return {};
  return Ended{info.si_pid, {.code = info.si_status, .signalled = info.si_code != CLD_EXITED}};
}

void kill_and_reap(pid_t child) noexcept {
  calls().kill(child, SIGKILL);
  siginfo_t info{};
  while (calls().waitid(P_PID, static_cast<id_t>(child), &info, WEXITED) != 0 && errno == EINTR) {
  }
}

bool send_signal_to_group(int pidfd, pid_t leader, int signal) noexcept {
  if (calls().pidfd_send_signal(pidfd, signal, nullptr, kSignalGroup) == 0) return true;
  if (errno != EINVAL) return false;
  // A number that its process, running or not reaped, keeps from being another's.
  if (!is_unreaped_child(pidfd) && !send_signal(pidfd, 0)) {
    errno = ESRCH;
    return false;
  }
  return calls().kill(-leader, signal) == 0;
}

void lead_own_group(pid_t child) noexcept {
  ::setpgid(child, child);
}

bool has_other_threads() noexcept {
  return __libc_single_threaded == 0 && threads_running() > 1 + service_threads();
}

}  // namespace multiprocessing::sys
