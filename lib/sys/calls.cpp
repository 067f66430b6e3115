#include "sys/calls.hpp"

#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cstdlib>

namespace multiprocessing::sys {
namespace {

int open_with_mode(const char* path, int flags, mode_t mode) {
  return ::open(path, flags, mode);
}

int poll_timespec(struct pollfd* fds, nfds_t count, const std::timespec* timeout) {
  return ::ppoll(fds, count, timeout, nullptr);
}

int poll_under_mask(struct pollfd* fds, nfds_t count, const std::timespec* timeout,
                    const sigset_t* mask) {
  return ::ppoll(fds, count, timeout, mask);
}

int fcntl_with_int(int fd, int command, int argument) {
  return ::fcntl(fd, command, argument);
}

int fcntl_with_pointer(int fd, int command, void* argument) {
  return ::fcntl(fd, command, argument);
}

// By number: glibc 2.36 is the first to have wrappers, and not every libc has.
int pidfd_open_raw(pid_t pid, unsigned flags) {
  return static_cast<int>(::syscall(SYS_pidfd_open, pid, flags));
}

int pidfd_send_signal_raw(int pidfd, int signal, siginfo_t* info, unsigned flags) {
  return static_cast<int>(::syscall(SYS_pidfd_send_signal, pidfd, signal, info, flags));
}

int prctl_plain(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d) {
  return ::prctl(option, a, b, c, d);
}

// glibc's wrapper returns 0; the mask beyond what the kernel fills stays as it was.
int sched_getaffinity_plain(std::size_t size, unsigned long* mask) {
  return ::sched_getaffinity(0, size, reinterpret_cast<cpu_set_t*>(mask));
}

long futex_raw(const std::uint32_t* word, int operation, std::uint32_t value,
               const std::timespec* timeout, std::uint32_t bits) {
  return ::syscall(SYS_futex, word, operation, value, timeout, nullptr, bits);
}

long futex_waitv_raw(FutexWaiter* waiters, unsigned count, const std::timespec* timeout) {
  constexpr long kFutexWaitv = 449;  // the same on every architecture
  return ::syscall(kFutexWaitv, waiters, count, 0U, timeout, CLOCK_MONOTONIC);
}

int tgkill_raw(pid_t process, pid_t thread, int signal) {
  return static_cast<int>(::syscall(SYS_tgkill, process, thread, signal));
}

int timer_settime_plain(timer_t timer, int flags, const struct itimerspec* value) {
  return ::timer_settime(timer, flags, value, nullptr);
}

int timerfd_create_plain(clockid_t clock, int flags) {
  return ::timerfd_create(clock, flags);
}

int timerfd_settime_plain(int fd, int flags, const struct itimerspec* value) {
  return ::timerfd_settime(fd, flags, value, nullptr);
}

constinit Calls table{
    .memfd_create = ::memfd_create,
    .ftruncate = ::ftruncate,
    .mmap = ::mmap,
    .munmap = ::munmap,
    .madvise = ::madvise,
    .fallocate = ::fallocate,
    .fstat = ::fstat,
    .open = open_with_mode,
    .close = ::close,
    .pipe2 = ::pipe2,
    .read = ::read,
    .write = ::write,
    .poll = poll_timespec,
    .poll_under = poll_under_mask,
    .epoll_create1 = ::epoll_create1,
    .epoll_ctl = ::epoll_ctl,
    .fcntl_int = fcntl_with_int,
    .fcntl_ptr = fcntl_with_pointer,
    .socket = ::socket,
    .bind = ::bind,
    .listen = ::listen,
    .accept4 = ::accept4,
    .connect = ::connect,
    .getsockname = ::getsockname,
    .getsockopt = ::getsockopt,
    .setsockopt = ::setsockopt,
    .recv = ::recv,
    .sendto = ::sendto,
    .socketpair = ::socketpair,
    .sendmsg = ::sendmsg,
    .recvmsg = ::recvmsg,
    .eventfd = ::eventfd,
    .unlink = ::unlink,
    .linkat = ::linkat,
    .lstat = ::lstat,
    .statvfs = ::statvfs,
    .fchmod = ::fchmod,
    .mkdir = ::mkdir,
    .rmdir = ::rmdir,
    .fork = ::fork,
    .posix_spawn = ::posix_spawn,
    .kill = ::kill,
    .waitid = ::waitid,
    .pidfd_open = pidfd_open_raw,
    .pidfd_send_signal = pidfd_send_signal_raw,
    .prctl = prctl_plain,
    .sched_getaffinity = sched_getaffinity_plain,
    .on_exit = ::on_exit,
    .futex = futex_raw,
    .futex_waitv = futex_waitv_raw,
    .timerfd_create = timerfd_create_plain,
    .timerfd_settime = timerfd_settime_plain,
    .signalfd = ::signalfd,
    .tgkill = tgkill_raw,
    .timer_create = ::timer_create,
    .timer_settime = timer_settime_plain,
    .timer_delete = ::timer_delete,
};

}  // namespace

Calls& calls() noexcept {
  return table;
}

}  // namespace multiprocessing::sys
