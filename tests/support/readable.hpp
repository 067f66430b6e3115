#pragma once

// Whether a descriptor says that there is something to read, as an event loop would ask it.

#include <poll.h>

namespace multiprocessing::test {

/// True if `fd` is readable, and nothing else is to be said of it, within `milliseconds`.
inline bool readable(int fd, int milliseconds = 0) {
  pollfd watched{fd, POLLIN, 0};
  return ::poll(&watched, 1, milliseconds) == 1 && watched.revents == POLLIN;
}

}  // namespace multiprocessing::test
