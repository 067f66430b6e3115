#include "sys/fd.hpp"

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

}  // namespace multiprocessing::sys
