#include "sys/random.hpp"

#include <sys/random.h>

#include <cerrno>

#include "sys/error.hpp"

namespace multiprocessing::sys {

void fill_with_random(std::span<std::byte> bytes) {
  ssize_t got = -1;
  do {
    got = ::getrandom(bytes.data(), bytes.size(), 0);
  } while (got < 0 && errno == EINTR);
  if (got != static_cast<ssize_t>(bytes.size())) throw_errno("getrandom");
}

}  // namespace multiprocessing::sys
