#include "sys/pipe.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "sys/calls.hpp"
#include "sys/error.hpp"
#include "sys/timespec.hpp"

namespace multiprocessing::sys {
namespace {

std::timespec time_until(Nanoseconds deadline) noexcept {
  return to_timespec(std::max<Nanoseconds>(deadline, 0) - now());
}

}  // namespace

Pipe make_pipe() {
  std::array<int, 2> ends{-1, -1};
  if (calls().pipe2(ends.data(), O_CLOEXEC) != 0) throw_errno("pipe2");
  return {UniqueFd(above_standard_streams(ends[0])), UniqueFd(above_standard_streams(ends[1]))};
}

void let_reopen_for_reading(const Pipe& pipe) {
  constexpr mode_t kReadableByAll = 0444;
  if (calls().fchmod(pipe.read.get(), kReadableByAll) != 0) throw_errno("fchmod", "of a pipe");
}

namespace {

Ready wait_for_either(int fd, int other, Nanoseconds deadline) {
  std::array<struct pollfd, 2> watched{
      {{.fd = fd, .events = POLLIN, .revents = 0}, {.fd = other, .events = POLLIN, .revents = 0}}};
  const std::timespec left = deadline == kForever ? std::timespec{} : time_until(deadline);
  const int result =
      calls().poll(watched.data(), other < 0 ? 1 : 2, deadline == kForever ? nullptr : &left);
  if (result == 0) return Ready::timed_out;
  if (result < 0 && errno == EINTR) return Ready::interrupted;
  if (result < 0) throw_errno("poll");
  if (((watched[0].revents | watched[1].revents) & POLLNVAL) != 0) throw_error(EBADF, "poll");
  return Ready::yes;
}

}  // namespace

Ready wait_readable(int fd, Nanoseconds deadline) {
  return wait_for_either(fd, -1, deadline);
}

Ready await_readable(int fd, int other, Nanoseconds deadline) {
  for (;;) {
    const Ready ready = wait_for_either(fd, other, deadline);
    if (ready != Ready::interrupted) return ready;
  }
}

}  // namespace multiprocessing::sys
