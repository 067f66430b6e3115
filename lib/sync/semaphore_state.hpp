#pragma once

// Permits in shared memory, counted.
//
// Layout (64 bytes, the payload of an object of kind semaphore)
//
//   0   word      31                      1   0
//                 +------------------------+---+
//                 | permits that are there | W |      the futex word
//                 +------------------------+---+
//   4   limit     how many may be there, constant
//   8   spins     how long acquirers spin (shm/watch.hpp); any value is right
//   12  reserved
//
//             take                            give
//   (v, w) --------> (v - 1, w or slept)    (v, w) --------> (v + 1, 0), v < limit
//   (0, 0) --------> (0, 1)
//         mark_sleeper
//
// Invariants
//   I1  If somebody sleeps, W is up, or one is on the way who has the duty to see to the sleepers.
//   I2  `give` that clears W has the duty and wakes one, who has it then. It is handed on by W when
//       that one takes a permit or sleeps again. If it leaves permits there, or gives up while
//       there are some, it wakes another one, too: those who gave them may have found no W.
//   I3  Nobody falls asleep while there are permits: the futex compares the count.
//
// Ordering. Each pair is named where it is used.
//   [P] give(release) -> take(acquire)   what was written before the one is seen after the other.
//       The moves in between are read-modify-writes: they pass the release on.
//
// Death. What a survivor finds if a process is killed
//   before or after take           the permit is there, or taken for ever
//   given, before the wake-up      the permit is there; the death itself wakes every sleeper
//   woken, before take or sleep    the same: the duty that died with it is done by the death
//   taken, before it wakes another the same
//   asleep                         W stays up: one wake-up too many, once
// Points: semaphore.acquire.taken, semaphore.wait.noted .marked .woken, semaphore.give_up.passed,
//   semaphore.release.given

#include <array>
#include <atomic>
#include <cstdint>
#include <type_traits>

#include <multiprocessing/detail/timeout.hpp>

#include "shm/watch.hpp"

namespace multiprocessing::sync {

using SemaphoreWord = std::uint32_t;

inline constexpr SemaphoreWord kNoPermit = 0;
inline constexpr SemaphoreWord kSemaphoreSleepers = 1;
inline constexpr SemaphoreWord kOnePermit = 2;
inline constexpr int kMaxPermits = 0x7FFFFFFF;

constexpr SemaphoreWord permits_in(SemaphoreWord word) noexcept {
  return word / kOnePermit;
}

// The moves. `Atomic` is std::atomic<SemaphoreWord>, or one that a test drives.

/// Takes a permit, with W if this one was woken since it came. False: there is none; `seen` is the
/// word. On success `seen` is what it was before.
template <class Atomic>
bool take_permit(Atomic& word, SemaphoreWord& seen, bool slept) noexcept {
  const SemaphoreWord sleepers = slept ? kSemaphoreSleepers : 0;
  seen = word.load(std::memory_order_relaxed);  // the exchange looks again
  while (permits_in(seen) != 0) {
    if (word.compare_exchange_weak(seen, (seen - kOnePermit) | sleepers,
                                   std::memory_order_acquire,  // [P]
                                   std::memory_order_relaxed)) {
      return true;
    }
  }
  return false;
}

/// Gives `count` permits and clears W. False: there would be more than `limit`; `seen` is the word
/// before.
template <class Atomic>
bool give_permit(Atomic& word, SemaphoreWord& seen, SemaphoreWord limit,
                 SemaphoreWord count = 1) noexcept {
  seen = word.load(std::memory_order_relaxed);  // the exchange looks again
  while (permits_in(seen) <= limit && limit - permits_in(seen) >= count) {
    if (word.compare_exchange_weak(seen, (seen & ~kSemaphoreSleepers) + count * kOnePermit,
                                   std::memory_order_release,  // [P]
                                   std::memory_order_relaxed)) {
      return true;
    }
  }
  return false;
}

/// Says that somebody is about to sleep, or may be asleep. False: there are permits.
template <class Atomic>
bool mark_sleeper(Atomic& word) noexcept {
  // relaxed: W carries no data, and the release sequence of [P] goes on
  SemaphoreWord none = kNoPermit;
  return word.compare_exchange_strong(none, kSemaphoreSleepers, std::memory_order_relaxed,
                                      std::memory_order_relaxed) ||
         none == kSemaphoreSleepers;
}

struct alignas(64) SemaphoreState {
  std::atomic<SemaphoreWord> word{0};
  SemaphoreWord limit = kMaxPermits;
  shm::SpinHint spins{0};
  std::uint32_t reserved0 = 0;
  std::array<std::uint64_t, 6> reserved1{};
};

static_assert(std::atomic<SemaphoreWord>::is_always_lock_free,
              "it would be private to one process");
static_assert(std::is_standard_layout_v<SemaphoreState>,
              "processes built apart must agree on offsets");
static_assert(sizeof(SemaphoreState) == 64);

/// True: a permit was taken. False: not in time. \throws KeyboardInterrupt
bool acquire(SemaphoreState& semaphore, Timeout timeout);

/// Gives `count` permits, or none. False: there would be more than there may be.
bool release(SemaphoreState& semaphore, SemaphoreWord count = 1) noexcept;

}  // namespace multiprocessing::sync
