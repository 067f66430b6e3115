#include "sys/streams.hpp"

#include <cstdio>
#include <initializer_list>
#include <iostream>

namespace multiprocessing::sys {
namespace {

// The C++ streams are flushed under the lock of the C stream, which they take themselves.
void flush_unless_locked(std::FILE* file, std::initializer_list<std::ostream*> on_top) noexcept {
  if (::ftrylockfile(file) != 0) return;
  for (std::ostream* stream : on_top) {
    // Not flush(): on cerr that would flush the tied cout too, and wait for its lock.
    try {
      if (auto* const buffer = stream->rdbuf()) buffer->pubsync();
    } catch (...) {  // NOLINT(bugprone-empty-catch): nobody here could act on it
    }
  }
  std::fflush(file);
  ::funlockfile(file);
}

}  // namespace

void flush_standard_streams() noexcept {
  flush_unless_locked(stdout, {&std::cout});
  flush_unless_locked(stderr, {&std::cerr, &std::clog});
}

}  // namespace multiprocessing::sys
