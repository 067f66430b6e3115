#pragma once

// The word of a lock: who holds it, and whether somebody sleeps for it.
//
// Layout
//
//      63                     32 31        17 16         1   0
//      +------------------------+------------+------------+---+
//      | generation, high 32    | gen. low 15| slot + 1   | W |      0: free
//      +------------------------+------------+------------+---+
//                               |<-- low half: the futex word ->|
//
//              take_free(me)               mark_waiters
//      free ------------------> held(me) ---------------> held(me, W)
//       ^ ^                      |    |                     |     |
//       | +------ set_free ------+    +--- take_over ---+---+     |
//       |                                               v         |
//       |                                    held(other) or held(other, W)
//       +----------------------- set_free ------------------------+
//
// Invariants
//   I1  Whoever is named holds the lock; nobody else changes the word but by mark_waiters, by
//       take_over once the named one is dead, or by a set_free that was asked for (hand-over).
//   I2  W is up while somebody sleeps who no wake-up is under way to. So a taker that was woken
//       itself takes with W, and one that was woken and gives up sets W first.
//   I3  Two words with the same low half and W are the same to a sleeper: both owe it a wake-up.
//
// Ordering. Each pair is named where it is used.
//   [L] set_free(release) -> take_free(acquire)   the next holder sees what this one wrote
//   [T] take_over(acquire), paired with itself: a taker may die in turn. The last stores of the
//       dead one are visible because its end has been observed
//
// Death: see lock_state.hpp.

#include <atomic>
#include <cstdint>

#include "shm/name.hpp"

namespace multiprocessing::sync {

using LockWord = std::uint64_t;

inline constexpr LockWord kFree = 0;
inline constexpr LockWord kWaiters = 1;

/// The word of a lock that `name` holds, without W.
constexpr LockWord held_by(shm::Name name) noexcept {
  return name.generation << (shm::kSlotBits + 1U) | (LockWord{name.slot} + 1U) << 1U;
}

/// The word without W: equal for equal owners.
constexpr LockWord owner_part(LockWord word) noexcept {
  return word & ~kWaiters;
}

/// Who is named; nobody if the lock is free.
constexpr shm::Name owner_of(LockWord word) noexcept {
  if (owner_part(word) == kFree) return {};
  const LockWord slot = (word >> 1U) & ((LockWord{1} << shm::kSlotBits) - 1U);
  return {static_cast<std::uint32_t>(slot) - 1U, word >> (shm::kSlotBits + 1U)};
}

constexpr std::uint32_t low_part(LockWord word) noexcept {
  return static_cast<std::uint32_t>(word);
}

constexpr LockWord waiters_if(bool slept) noexcept {
  return slept ? kWaiters : 0;
}

// The moves. `Atomic` is std::atomic<LockWord>, or one that a test drives.

/// free -> held(me), with W if this acquirer was woken since it came.
template <class Atomic>
bool take_free(Atomic& word, LockWord me, bool slept = false) noexcept {
  LockWord expected = kFree;
  return word.compare_exchange_strong(expected, me | waiters_if(slept),
                                      std::memory_order_acquire,   // [L]
                                      std::memory_order_relaxed);  // not taken: nothing to see
}

/// held(dead) -> held(me), keeping W. Requires that the owner in `seen` is dead.
template <class Atomic>
bool take_over(Atomic& word, LockWord seen, LockWord me, bool slept) noexcept {
  return word.compare_exchange_strong(seen, me | (seen & kWaiters) | waiters_if(slept),
                                      std::memory_order_acquire,   // [T]
                                      std::memory_order_relaxed);  // not taken: nothing to see
}

/// held(x) -> held(x, W). False: the word is not `seen` any more. Requires that `seen` is not free.
template <class Atomic>
bool mark_waiters(Atomic& word, LockWord seen) noexcept {
  if ((seen & kWaiters) != 0) return true;  // if it has changed, the futex's own compare tells
  // relaxed: W carries no data; the releaser's exchange reads it from the same word.
  return word.compare_exchange_strong(seen, seen | kWaiters, std::memory_order_relaxed,
                                      std::memory_order_relaxed);
}

/// any -> free. Returns what it was: if W was up, one sleeper is owed a wake-up.
template <class Atomic>
LockWord set_free(Atomic& word) noexcept {
  return word.exchange(kFree, std::memory_order_release);  // [L]
}

}  // namespace multiprocessing::sync
