#pragma once

// A flag in shared memory that counts how often it was raised.
//
// Layout (64 bytes, the payload of an object of kind event)
//
//   0   word      63                                2   1    0
//                 +---------------------------------+-----+---+
//                 | count of sets                   | set | W |   low half: the futex word
//                 +---------------------------------+-----+---+
//   8   spins     how long waiters spin (shm/watch.hpp); any value is right
//   12  reserved
//
//               raise                      lower
//   (c, 0, w) ---------> (c + 1, 1, 0) -----------> (c + 1, 0, 0)
//      | ^
//      +-+ expect: (c, 0, w) -> (c, 0, 1)
//
// Invariants
//   I1  W is up while somebody sleeps, and never while the flag is set.
//   I2  A waiter that remembers the count c is released when the flag is set or the count is not
//       c: set() followed by clear() releases all who waited.
//   I3  A sleeper whose 30 bits of count in the futex word came round again (2^30 sets between its
//       look and its sleep) looks at the whole word at the end of its slice.
//
// Ordering. Each pair is named where it is used.
//   [E] raise(release) -> seen(acquire)   what was written before set() is seen after wait(). The
//       moves in between (lower, expect) are read-modify-writes: they pass the release on.
//
// Death. What a survivor finds if a process is killed
//   before raise              nothing
//   raised, before the wake   the flag is set; the death itself wakes every sleeper
//   asleep                    W stays up: one wake-up too many, once
//   before or after lower     the one step has happened or not
// Points: event.set.raised, event.clear.lowered, event.wait.noted .expected .woken

#include <array>
#include <atomic>
#include <cstdint>
#include <type_traits>

#include <multiprocessing/detail/timeout.hpp>

#include "shm/watch.hpp"

namespace multiprocessing::sync {

using EventWord = std::uint64_t;

inline constexpr EventWord kSleepers = 1;
inline constexpr EventWord kSet = 2;
inline constexpr EventWord kOneSet = 4;

constexpr bool is_set(EventWord word) noexcept {
  return (word & kSet) != 0;
}
constexpr EventWord count_of(EventWord word) noexcept {
  return word / kOneSet;
}

// The moves. `Atomic` is std::atomic<EventWord>, or one that a test drives.

/// True if somebody may sleep for it. Raising a raised flag changes nothing.
template <class Atomic>
bool raise(Atomic& word) noexcept {
  EventWord seen = word.load(std::memory_order_relaxed);  // the exchange looks again
  EventWord raised = seen;
  do {
    // A set flag is stored anew: whoever sees it from now on also sees what this caller wrote.
    raised = is_set(seen) ? seen : ((seen & ~kSleepers) + kOneSet) | kSet;
  } while (!word.compare_exchange_weak(seen, raised, std::memory_order_release,  // [E]
                                       std::memory_order_relaxed));
  return (seen & kSleepers) != 0;
}

template <class Atomic>
void lower(Atomic& word) noexcept {
  // relaxed: the release sequence of [E] goes on through a read-modify-write
  word.fetch_and(~kSet, std::memory_order_relaxed);
}

/// Says that somebody is about to sleep. False: the word is not `seen` any more.
template <class Atomic>
bool expect(Atomic& word, EventWord seen) noexcept {
  if ((seen & kSleepers) != 0) return true;  // if it has changed, the futex's own compare tells
  // relaxed: W carries no data, and the release sequence of [E] goes on
  return word.compare_exchange_strong(seen, seen | kSleepers, std::memory_order_relaxed,
                                      std::memory_order_relaxed);
}

template <class Atomic>
EventWord seen(const Atomic& word) noexcept {
  return word.load(std::memory_order_acquire);  // [E]
}

struct alignas(64) EventState {
  std::atomic<EventWord> word{0};
  shm::SpinHint spins{0};
  std::uint32_t reserved0 = 0;
  std::array<std::uint64_t, 6> reserved1{};
};

static_assert(std::atomic<EventWord>::is_always_lock_free, "it would be private to one process");
static_assert(std::is_standard_layout_v<EventState>, "processes built apart must agree on offsets");
static_assert(sizeof(EventState) == 64);

void set(EventState& event) noexcept;
void clear(EventState& event) noexcept;
/// True: the flag is up, or was raised since the call began. \throws KeyboardInterrupt
bool wait(EventState& event, Timeout timeout);

}  // namespace multiprocessing::sync
