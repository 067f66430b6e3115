#pragma once

/// \file sys/calls.hpp
/// The one seam between the library and the kernel: a table of function pointers.
///
///   threads   the table is only read while several threads run; a test replaces an entry
///             before it starts any
///   death     nothing: the table is private to a process and a forked child has its own copy
///
/// Every entry behaves like the call it is named after: -1 (or MAP_FAILED) with `errno` set on
/// failure. No entry retries; that is the business of the functions above this seam.

#include <poll.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): siginfo_t and timer_t are POSIX
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <sys/wait.h>

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <type_traits>

namespace multiprocessing::sys {

/// struct futex_waitv of linux/futex.h, which older headers lack.
struct FutexWaiter {
  std::uint64_t value;
  std::uint64_t address;
  std::uint32_t flags;
  std::uint32_t reserved;
};

struct Calls {
  int (*memfd_create)(const char* name, unsigned flags);
  int (*ftruncate)(int fd, off_t length);
  void* (*mmap)(void* address, std::size_t length, int protection, int flags, int fd, off_t offset);
  int (*munmap)(void* address, std::size_t length);
  int (*madvise)(void* address, std::size_t length, int advice);
  int (*fallocate)(int fd, int mode, off_t offset, off_t length);
  int (*fstat)(int fd, struct stat* status);

  int (*open)(const char* path, int flags, mode_t mode);
  int (*close)(int fd);
  int (*pipe2)(int* ends, int flags);
  ssize_t (*read)(int fd, void* bytes, std::size_t count);
  ssize_t (*write)(int fd, const void* bytes, std::size_t count);
  /// ppoll without a signal mask; a null time-out waits for ever.
  int (*poll)(struct pollfd* fds, nfds_t count, const std::timespec* timeout);
  /// ppoll with `mask` in force while it waits.
  int (*poll_under)(struct pollfd* fds, nfds_t count, const std::timespec* timeout,
                    const sigset_t* mask);
  int (*epoll_create1)(int flags);
  int (*epoll_ctl)(int epoll, int operation, int fd, struct epoll_event* event);
  int (*fcntl_int)(int fd, int command, int argument);
  int (*fcntl_ptr)(int fd, int command, void* argument);

  int (*socket)(int family, int type, int protocol);
  int (*bind)(int fd, const struct sockaddr* address, socklen_t length);
  int (*listen)(int fd, int backlog);
  int (*accept4)(int fd, struct sockaddr* address, socklen_t* length, int flags);
  int (*connect)(int fd, const struct sockaddr* address, socklen_t length);
  int (*getsockname)(int fd, struct sockaddr* address, socklen_t* length);
  int (*getsockopt)(int fd, int level, int option, void* value, socklen_t* length);
  int (*setsockopt)(int fd, int level, int option, const void* value, socklen_t length);
  ssize_t (*recv)(int fd, void* bytes, std::size_t count, int flags);
  ssize_t (*sendto)(int fd, const void* bytes, std::size_t count, int flags,
                    const struct sockaddr* address, socklen_t length);
  int (*socketpair)(int domain, int type, int protocol, int* ends);
  ssize_t (*sendmsg)(int fd, const struct msghdr* message, int flags);
  ssize_t (*recvmsg)(int fd, struct msghdr* message, int flags);
  int (*eventfd)(unsigned value, int flags);
  int (*unlink)(const char* path);
  int (*linkat)(int from, const char* path, int to, const char* name, int flags);
  int (*lstat)(const char* path, struct stat* status);
  int (*statvfs)(const char* path, struct statvfs* status);
  int (*fchmod)(int fd, mode_t mode);
  int (*mkdir)(const char* path, mode_t mode);
  int (*rmdir)(const char* path);

  pid_t (*fork)();
  /// Returns the error number instead of setting `errno`.
  int (*posix_spawn)(pid_t* pid, const char* path, const posix_spawn_file_actions_t* actions,
                     const posix_spawnattr_t* attributes, char* const* arguments,
                     char* const* environment);
  int (*kill)(pid_t pid, int signal);
  int (*waitid)(idtype_t type, id_t id, siginfo_t* info, int options);
  int (*pidfd_open)(pid_t pid, unsigned flags);
  int (*pidfd_send_signal)(int pidfd, int signal, siginfo_t* info, unsigned flags);
  int (*prctl)(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d);
  int (*sched_getaffinity)(std::size_t size, unsigned long* mask);
  int (*on_exit)(void (*handler)(int status, void* argument), void* argument);

  long (*futex)(const std::uint32_t* word, int operation, std::uint32_t value,
                const std::timespec* timeout, std::uint32_t bits);
  /// Of `waiters`, by the monotonic clock; -1 with ENOSYS before Linux 5.16.
  long (*futex_waitv)(struct FutexWaiter* waiters, unsigned count, const std::timespec* timeout);
  int (*timerfd_create)(clockid_t clock, int flags);
  int (*timerfd_settime)(int fd, int flags, const struct itimerspec* value);
  int (*signalfd)(int fd, const sigset_t* mask, int flags);
  int (*tgkill)(pid_t process, pid_t thread, int signal);
  int (*timer_create)(clockid_t clock, struct sigevent* event, timer_t* timer);
  int (*timer_settime)(timer_t timer, int flags, const struct itimerspec* value);
  int (*timer_delete)(timer_t timer);
};

/// The table in force. Usable in static constructors: it needs no initialisation at run time.
[[nodiscard]] Calls& calls() noexcept;

/// Replaces one entry of the table until the end of the scope. For tests.
///
/// \code
///   ScopedCall full(&Calls::fallocate, [](int, int, off_t, off_t) {
///     errno = ENOSPC;
///     return -1;
///   });
/// \endcode
template <typename Pointer>
class ScopedCall {
 public:
  ScopedCall(Pointer Calls::* entry, std::type_identity_t<Pointer> replacement) noexcept
      : entry_(entry), original_(calls().*entry) {
    calls().*entry_ = replacement;
  }
  ScopedCall(const ScopedCall&) = delete;
  ScopedCall& operator=(const ScopedCall&) = delete;
  ~ScopedCall() { calls().*entry_ = original_; }

  /// What the entry held before, for a replacement that fails once and then lets through.
  [[nodiscard]] Pointer original() const noexcept { return original_; }

 private:
  Pointer Calls::* entry_;
  Pointer original_;
};

}  // namespace multiprocessing::sys
