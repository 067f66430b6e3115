#include "sys/surroundings.hpp"

#include <fcntl.h>
#include <sched.h>
#include <stdio_ext.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <limits>

#include "sys/calls.hpp"
#include "sys/error.hpp"

namespace multiprocessing::sys {

UniqueFd duplicate(int fd) {
  const int copy = calls().fcntl_int(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  if (copy < 0) throw_errno("fcntl", "F_DUPFD_CLOEXEC");
  return UniqueFd(copy);
}

bool is_open(int fd) noexcept {
  return calls().fcntl_int(fd, F_GETFD, 0) >= 0;
}

void close_on_exec(int fd) noexcept {
  (void)calls().fcntl_int(fd, F_SETFD, FD_CLOEXEC);
}

void put_descriptor_at(int target, int source) {
  while (::dup2(source, target) < 0) {
    if (errno != EINTR && errno != EBUSY) throw_errno("dup2");
  }
}

void empty_stdin() {
  // The lowest free number is taken: the one just closed, for this process has one thread.
  calls().close(STDIN_FILENO);
  UniqueFd null(calls().open("/dev/null", O_RDONLY, 0));
  if (!null) throw_errno("open", "/dev/null");
  if (null.get() != STDIN_FILENO) {
    put_descriptor_at(STDIN_FILENO, null.get());
  } else {
    (void)null.release();
  }
}

void purge_stdin() {
  ::__fpurge(stdin);
  std::clearerr(stdin);
  // Out of step with stdio (sync_with_stdio(false)) it has a buffer of its own.
  std::streambuf* const buffer = std::cin.rdbuf();
  for (auto left = buffer->in_avail(); left > 0; --left) buffer->sbumpc();
}

void change_directory(const std::string& path) {
  if (::chdir(path.c_str()) != 0) throw_error(errno, "chdir", path);
}

void set_environment(const std::string& name, const std::string& value) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): the header asks for a process with one thread
  if (::setenv(name.c_str(), value.c_str(), 1) != 0) throw_error(errno, "setenv", name);
}

void limit_memory(std::uint64_t bytes) {
  struct rlimit limit{};
  if (::getrlimit(RLIMIT_DATA, &limit) != 0) throw_errno("getrlimit");
  limit.rlim_cur = std::min<rlim_t>(bytes, limit.rlim_max);
  limit.rlim_max = limit.rlim_cur;
  if (::setrlimit(RLIMIT_DATA, &limit) != 0) throw_errno("setrlimit", "RLIMIT_DATA");
}

void use_cpus(std::span<const int> cpus) {
  std::array<unsigned long, 8192 / (8 * sizeof(unsigned long))> mask{};
  constexpr int kBits = std::numeric_limits<unsigned long>::digits;
  for (const int cpu : cpus) {
    if (cpu < 0 || cpu >= static_cast<int>(mask.size()) * kBits) {
      throw_error(EINVAL, "sched_setaffinity", std::to_string(cpu));
    }
    mask[static_cast<std::size_t>(cpu / kBits)] |= 1UL << static_cast<unsigned>(cpu % kBits);
  }
  if (::sched_setaffinity(0, sizeof(mask), reinterpret_cast<const cpu_set_t*>(mask.data())) != 0) {
    throw_errno("sched_setaffinity");
  }
}

void add_niceness(int increment) {
  errno = 0;  // -1 is also a niceness
  if (::nice(increment) == -1 && errno != 0) throw_errno("nice");
}

}  // namespace multiprocessing::sys
