#pragma once

// Who calls: the process as an owner of locks, its pid, and the thread's token.

#include <sys/types.h>

#include <cstdint>

#include "sync/lock_word.hpp"

namespace multiprocessing::sync {

struct Caller {
  LockWord owner = kFree;  // the word of a lock that this process holds
  pid_t pid = 0;
  std::uint64_t thread =
      0;  // never 0 and, within the family, never another thread's, dead or alive
};

/// The calling thread. A forked child's thread is another one, whichever way it was forked.
/// \throws std::system_error if the process cannot be registered (at its first use only)
const Caller& caller();

}  // namespace multiprocessing::sync
