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

/// A thread of `owner`, which nobody has been before. `pid` is what its death will be told by.
Caller new_caller(shm::Name owner, pid_t pid);

/// While it lives, the calling thread takes and releases locks as another caller.
class ActingAs {
 public:
  explicit ActingAs(const Caller& other);
  ActingAs(const ActingAs&) = delete;
  ActingAs& operator=(const ActingAs&) = delete;
  ~ActingAs();

 private:
  Caller self_;
};

/// The calling thread. A forked child's thread is another one, whichever way it was forked.
/// \throws std::system_error if the process cannot be registered (at its first use only)
const Caller& caller();

}  // namespace multiprocessing::sync
