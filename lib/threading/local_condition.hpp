#pragma once

// Those who wait for a condition of this process, first come, first notified.
//
// Layout: a list of words, each on the stack of the thread that sleeps on it: 0 waits, 1 notified.
//
//            wait, holding the lock                notify, holding the lock
//   (none) ------------------------> 0, in list ---------------------------> 1, not in list
//                                     | wait, holding the lock again
//                                     +----------------------> (none): not in time
//
// Invariants
//   I1  List and words are touched under the condition's lock, but for the sleeper's own look at
//       its word. So a word outlives whoever notifies it: its thread returns holding the lock.
//   I2  After a fork nobody of the list is there: a list of another epoch is empty.
//
// Ordering. Each pair is named where it is used.
//   [N] notify(release) -> wait(acquire)   what the notifier wrote; the lock says the same
//
// Death: with its process.

#include <atomic>
#include <cstdint>

#include "threading/local_lock.hpp"

namespace multiprocessing::threads {

struct Waiter {
  std::atomic<std::uint32_t> notified{0};
  Waiter* before = nullptr;
  Waiter* after = nullptr;
};

struct LocalCondition {
  Waiter* first = nullptr;
  Waiter* last = nullptr;
  std::uint32_t epoch = 0;
};

inline constexpr std::uint64_t kAllWaiters = ~std::uint64_t{0};

/// Requires that the lock is held, and leaves it held. False: not notified in time.
/// \throws KeyboardInterrupt
bool wait(LocalCondition& condition, LocalLock& lock, Timeout timeout);

/// Wakes up to `count` of those who wait. Requires that the lock is held.
void notify(LocalCondition& condition, std::uint64_t count) noexcept;

/// Whether the condition was copied by a fork since it was last asked, or is new: then nobody waits
/// for it any more. Requires that the lock is held.
bool is_new_here(LocalCondition& condition) noexcept;

}  // namespace multiprocessing::threads
