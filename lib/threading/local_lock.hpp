#pragma once

// A lock between the threads of one process: the lock of lib/sync, in memory of this process.
//
// Layout: LockState of sync/lock_state.hpp, with `local` set. `inner` names the holder's thread of
// a plain lock, too (depth 1), by the token that outlives a fork.
//
// Invariants, beyond those of the state
//   I1  In a forked child the word may name an ancestor. If `inner` names the thread that forked,
//       that thread holds the lock here; every function sees to that first. Else nobody does: the
//       next acquirer takes it over, as its Recovery says.
//   I2  A plain lock's `inner` is cleared before the word; between the two moves, and between an
//       acquire and its note, a fork by another thread finds a lock that nobody holds.
//
// Ordering: [L] of lock_word.hpp.
//
// Death: with its process. That of a thread is not noticed.

#include "sync/lock_state.hpp"
#include "threading/here.hpp"

namespace multiprocessing::threads {

struct LocalLock {
  LocalLock(bool is_recursive, Recovery recovery) : recursive(is_recursive) {
    state.local = 1;
    state.recovery = recovery;
  }

  sync::LockState state;
  const bool recursive;
};

/// True: held. \throws LockOwnerDied, KeyboardInterrupt, ValueError at an absurd depth
bool acquire(LocalLock& lock, Timeout timeout);
/// False: not held; an RLock not by the calling thread.
bool release(LocalLock& lock) noexcept;
/// Whether the calling thread (of a plain lock: any) holds it.
bool is_held(LocalLock& lock) noexcept;

/// Frees the lock whatever its depth; what `reacquire` needs to hold it again as before.
std::uint64_t release_all(LocalLock& lock) noexcept;
void reacquire(LocalLock& lock, std::uint64_t inner);

}  // namespace multiprocessing::threads
