#include "sys/futex.hpp"

#include <linux/futex.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "sys/calls.hpp"
#include "sys/timespec.hpp"

namespace multiprocessing::sys {
namespace {

static_assert(sizeof(std::atomic<std::uint32_t>) == sizeof(std::uint32_t) &&
                  std::atomic<std::uint32_t>::is_always_lock_free,
              "the kernel compares the atomic itself");

const std::uint32_t* address_of(const std::atomic<std::uint32_t>& word) noexcept {
  return reinterpret_cast<const std::uint32_t*>(&word);
}

}  // namespace

Wait futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected,
                Nanoseconds deadline) noexcept {
  const std::timespec until = to_timespec(deadline);
  // Of the wait operations only the bitset one takes an absolute time.
  const long result =
      calls().futex(address_of(word), FUTEX_WAIT_BITSET, expected,
                    deadline == kForever ? nullptr : &until, FUTEX_BITSET_MATCH_ANY);
  if (result == 0) return Wait::woken;
  switch (errno) {
    case EAGAIN:
      return Wait::changed;
    case ETIMEDOUT:
      return Wait::timed_out;
    case EINTR:
      return Wait::interrupted;
    default:
      std::perror("multiprocessing: futex");
      std::abort();
  }
}

int futex_wake(const std::atomic<std::uint32_t>& word, int count) noexcept {
  if (count <= 0) return 0;
  const long woken =
      calls().futex(address_of(word), FUTEX_WAKE, static_cast<std::uint32_t>(count), nullptr, 0);
  return woken > 0 ? static_cast<int>(woken) : 0;
}

}  // namespace multiprocessing::sys
