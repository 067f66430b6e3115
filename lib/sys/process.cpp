#include "sys/process.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "sys/calls.hpp"
#include "sys/error.hpp"
#include "sys/proc_path.hpp"
#include "sys/proc_stat.hpp"

namespace multiprocessing::sys {
namespace {

bool exists(pid_t pid) noexcept {
  return calls().kill(pid, 0) == 0 || errno == EPERM;
}

// The events that are up on `fd` now; -1 with `errno` if that cannot be asked.
int events_now(int fd) noexcept {
  struct pollfd watched = {.fd = fd, .events = POLLIN, .revents = 0};
  constexpr std::timespec kAtOnce{};
  int result = -1;
  do {
    result = calls().poll(&watched, 1, &kAtOnce);
  } while (result < 0 && errno == EINTR);
  return result < 0 ? -1 : watched.revents;
}

// SIGKILL to this process whenever something happens on `fd`.
bool kill_us_on_events(int fd) noexcept {
  return calls().fcntl_int(fd, F_SETOWN, ::getpid()) == 0 &&
         calls().fcntl_int(fd, F_SETSIG, SIGKILL) == 0 &&
         calls().fcntl_int(fd, F_SETFL, O_ASYNC | O_NONBLOCK) == 0;
}

UniqueFd nothing_because(int error) noexcept {
  errno = error;
  return {};
}

}  // namespace

pid_t fork_process() {
  const pid_t pid = calls().fork();
  if (pid < 0) throw_errno("fork");
  return pid;
}

pid_t current_pid() noexcept {
  return ::getpid();
}

ProcessId current_process() noexcept {
  const pid_t pid = ::getpid();
  return {.pid = pid, .start_time = start_time(pid)};
}

std::uint64_t start_time(pid_t pid) noexcept {
  ProcStat stat;
  return pid > 0 && stat.read(pid) ? stat.number(ProcStat::started) : 0;
}

bool process_runs(pid_t pid, std::uint64_t start_time) noexcept {
  if (pid <= 0) return false;
  ProcStat stat;
  if (!stat.read(pid)) return exists(pid);  // no /proc here, or no descriptor left to ask it with
  const char state = stat.letter(ProcStat::state);
  if (state == 'X' || state == 'x') return false;
  // a main thread that ended by pthread_exit is a zombie beside its running threads
  if (state == 'Z' && stat.number(ProcStat::threads) <= 1) return false;
  return start_time == 0 || stat.number(ProcStat::started) == start_time;
}

UniqueFd open_pidfd(pid_t pid) {
  const int fd = calls().pidfd_open(pid, 0);
  if (fd < 0) throw_errno("pidfd_open", std::to_string(pid));
  return UniqueFd(above_standard_streams(fd));
}

bool send_signal(int pidfd, int signal) noexcept {
  // The kernel takes signals for zombies too; the pidfd is readable once the process has ended.
  if ((events_now(pidfd) & POLLIN) != 0) {
    errno = ESRCH;
    return false;
  }
  return calls().pidfd_send_signal(pidfd, signal, nullptr, 0) == 0;
}

std::optional<ExitStatus> reap(int pidfd, bool block) noexcept {
  siginfo_t info{};
  const int options = block ? WEXITED : WEXITED | WNOHANG;
  int result = -1;
  do {
    result = calls().waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, options);
  } while (result != 0 && errno == EINTR);
  if (result != 0) return std::nullopt;
  if (info.si_pid == 0) {
    errno = EAGAIN;
    return std::nullopt;
  }
  return ExitStatus{.code = info.si_status, .signalled = info.si_code != CLD_EXITED};
}

int threads_running() noexcept {
  ProcStat stat;
  const auto threads = stat.read(0) ? static_cast<int>(stat.number(ProcStat::threads)) : 1;
  return threads > 0 ? threads : 1;
}

void become_subreaper() {
  if (calls().prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) {
    throw_errno("prctl", "PR_SET_CHILD_SUBREAPER");
  }
}

UniqueFd die_with(int life_pipe_read_end) noexcept {
  // Owner and signal belong to the open file description: with the inherited one, each child would
  // take the place of the one before. Opening a pipe without writers does not block or fail.
  const ProcPath path("/proc/self/fd/", life_pipe_read_end);
  int opened = -1;
  do {
    opened = calls().open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0);
  } while (opened < 0 && errno == EINTR);
  UniqueFd life(above_standard_streams(opened));
  if (!life || !kill_us_on_events(life.get())) return nothing_because(errno);
  // Armed first, asked after: a hang-up before is seen here, one later is seen by the kernel.
  const int events = events_now(life.get());
  if (events < 0) return nothing_because(errno);
  if ((events & (POLLHUP | POLLERR)) != 0) kill_self();
  return life;
}

}  // namespace multiprocessing::sys
