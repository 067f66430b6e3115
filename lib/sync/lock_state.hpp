#pragma once

// A lock in shared memory, plain or recursive.
//
// Layout (64 bytes; the payload of an object of kind lock or rlock, and the first 64 bytes of the
// payload of a value or array)
//
//   0   word       who holds it (lock_word.hpp)
//   8   inner      RLock: depth in bits 0..23, thread in bits 24..63; 0: not entered
//   16  owner_pid  pid in bits 32..63 of the owner whose word has bits 0..31 as its low half
//   24  told       Recovery::hold: the owner that took the lock over from a dead one, or 0
//   32  recovery   Recovery, constant
//   36  spins      how long acquirers spin (shm/watch.hpp); any value is right
//   40  local      1: the lock of one process, in memory of its own; constant
//   48  reserved
//
// States: those of the word. What a dead owner leaves is settled by the next acquirer, and only
// by an acquirer: a release before that is a plain release.
//
// Invariants
//   I1  inner, owner_pid and told are written by the owner only; they mean something only together
//       with the word that names it.
//   I2  A thread's token is used once in the family's life (40 bits: a thousand new threads a
//       second for 34 years). A thread clears inner before it frees
//       the word, so its own token in inner means that it holds the lock.
//   I3  A sleeper has noted the word (shm/watch.hpp) before it looks at the owner's slot.
//   I4  An owner of a local lock that is not this process is its ancestor as of the fork. No thread
//       here will release it: it counts as dead (lib/threading gives the forking thread's locks to
//       that thread first).
//
// Ordering: [L] and [T] of lock_word.hpp. All other fields are relaxed: they are read by their
// writer, or under the word.
//
// Death. What a survivor finds if a process is killed
//   before free->held(me)            nothing
//   after it, before owner_pid       held(dead); its pid is looked up in the process table
//   after it, before inner (RLock)   held(dead), inner stale: means nothing (I1, I2)
//   holding                          held(dead): the next acquirer takes it over
//   taken over, before freed (raise) held(dead) again: the next one is told, about this one
//   taken over, before return (hold) held(dead) again: the next one is told
//   inner cleared, before freed      held(dead), as while holding
//   freed, before the wake-up        free; the death itself wakes every sleeper, one takes it
//   asleep, or woken and not back    as above: a wake-up that died with its taker is made good
// Points: lock.acquire.taken, lock.wait.noted .marked .woken, lock.recover.taken .freed,
//   lock.give_up.passed, lock.release.freed, rlock.acquire.taken, rlock.release.cleared

#include <array>
#include <atomic>
#include <cstdint>
#include <type_traits>

#include <multiprocessing/detail/lock.hpp>
#include <multiprocessing/detail/timeout.hpp>

#include "shm/watch.hpp"
#include "sync/caller.hpp"
#include "sync/lock_word.hpp"

namespace multiprocessing::sync {

struct alignas(64) LockState {
  std::atomic<LockWord> word{kFree};
  std::atomic<std::uint64_t> inner{0};
  std::atomic<std::uint64_t> owner_pid{0};
  std::atomic<LockWord> told{0};
  Recovery recovery = Recovery::raise;
  shm::SpinHint spins{0};
  std::uint64_t local = 0;
  std::array<std::uint64_t, 2> reserved{};
};

static_assert(std::atomic<LockWord>::is_always_lock_free, "a lock table is private to one process");
static_assert(std::is_standard_layout_v<LockState>, "processes built apart must agree on offsets");
static_assert(sizeof(LockState) == detail::kLockBytes, "what embeds a lock leaves this much room");

inline constexpr std::uint64_t kDepthBits = 24;
inline constexpr std::uint64_t kMaxDepth = (std::uint64_t{1} << kDepthBits) - 1;

constexpr std::uint64_t pack_inner(std::uint64_t depth, std::uint64_t thread) noexcept {
  return thread << kDepthBits | depth;
}
constexpr std::uint64_t depth_in(std::uint64_t inner) noexcept {
  return inner & kMaxDepth;
}
constexpr std::uint64_t thread_in(std::uint64_t inner) noexcept {
  return inner >> kDepthBits;
}

/// True: held by this process, with the dead owner dealt with as `recovery` says. False: not in
/// time. \throws LockOwnerDied (the lock is free), KeyboardInterrupt
bool acquire(LockState& lock, Timeout timeout, const Caller& caller);

/// Frees the lock, whoever holds it. False: it was free.
bool release(LockState& lock) noexcept;

/// Whether the caller's process holds the lock, taken over from a dead owner (Recovery::hold).
bool owner_died(const LockState& lock, const Caller& caller) noexcept;

/// As `acquire`, counting the calling thread's entries.
/// \throws ValueError at an absurd depth
bool acquire_recursive(LockState& lock, Timeout timeout, const Caller& caller);

/// Undoes one entry. False: the calling thread does not hold the lock.
bool release_recursive(LockState& lock, const Caller& caller) noexcept;

/// Whether the calling thread holds the lock by `acquire_recursive`.
bool held_here(const LockState& lock, const Caller& caller) noexcept;

}  // namespace multiprocessing::sync
