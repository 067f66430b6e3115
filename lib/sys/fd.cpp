#include "sys/fd.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "sys/calls.hpp"

namespace multiprocessing::sys {

void UniqueFd::reset(int fd) noexcept {
  const int old = std::exchange(fd_, fd);
  if (old < 0) return;
  const int saved = errno;
  // Not repeated on EINTR: Linux has freed the number by then, and another thread may hold it.
  calls().close(old);
  errno = saved;
}

int above_standard_streams(int fd) noexcept {
  if (fd < 0 || fd > STDERR_FILENO) return fd;
  const int saved = errno;
  const int higher = calls().fcntl_int(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  if (higher >= 0) calls().close(fd);
  errno = saved;
  return higher >= 0 ? higher : fd;
}

}  // namespace multiprocessing::sys
