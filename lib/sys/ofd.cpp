#include "sys/ofd.hpp"

#include <fcntl.h>

#include <cerrno>
#include <string>

#include "sys/calls.hpp"
#include "sys/error.hpp"

namespace multiprocessing::sys {
namespace {

struct flock one_byte(std::uint64_t offset) noexcept {
  struct flock lock{};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = static_cast<off_t>(offset);
  lock.l_len = 1;
  return lock;  // l_pid stays 0, as OFD locks demand
}

int apply(int fd, int command, struct flock& lock) noexcept {
  int result = -1;
  do {
    result = calls().fcntl_ptr(fd, command, &lock);
  } while (result < 0 && errno == EINTR);
  return result;
}

}  // namespace

UniqueFd reopen(int fd) {
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  int opened = -1;
  do {
    opened = calls().open(path.c_str(), O_RDWR | O_CLOEXEC, 0);
  } while (opened < 0 && errno == EINTR);
  if (opened < 0) throw_errno("open", path);
  return UniqueFd(above_standard_streams(opened));
}

bool lock_byte(int fd, std::uint64_t offset) noexcept {
  struct flock lock = one_byte(offset);
  return apply(fd, F_OFD_SETLK, lock) == 0;
}

Held byte_held(int fd, std::uint64_t offset) noexcept {
  struct flock lock = one_byte(offset);
  if (apply(fd, F_OFD_GETLK, lock) != 0) return errno == EBADF ? Held::bad_descriptor : Held::yes;
  return lock.l_type == F_UNLCK ? Held::no : Held::yes;
}

}  // namespace multiprocessing::sys
