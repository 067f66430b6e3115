#pragma once

/// \file multiprocessing/detail/lock.hpp
/// The recursive lock inside a Value or an Array: its room, how it is prepared, how it is used.
///
///   sharing   the state lies in shared memory, first in the payload of the object it guards
///   threads   every function may be called concurrently
///   ordering  what was written before a release is seen after the next acquire
///   death     the next acquirer takes the lock over, as its Recovery says

#include <cstddef>
#include <cstdint>
#include <string>

#include <multiprocessing/detail/export.hpp>

namespace multiprocessing::sync {
struct LockState;  // lib/sync/lock_state.hpp
}  // namespace multiprocessing::sync

namespace multiprocessing {

/// What the next acquirer of a lock meets after its holder has ended without releasing it.
enum class Recovery : std::uint32_t {
  raise,   ///< LockOwnerDied; the lock is free and usable afterwards
  hold,    ///< it gets the lock, and `owner_died()` is true while it holds it
  silent,  ///< it simply gets the lock
};

}  // namespace multiprocessing

namespace multiprocessing::detail {

class GuardedObject;  // a Value or Array, whose lock is an RLock (detail/guarded.hpp)
class LockChoice;     // of a new one

inline constexpr std::size_t kLockBytes = 64;

/// Makes a free lock in `kLockBytes` of memory, 64-aligned.
MULTIPROCESSING_API sync::LockState* make_lock(void* memory, Recovery recovery) noexcept;

/// Waits for ever. \throws LockOwnerDied, KeyboardInterrupt
MULTIPROCESSING_API void enter(sync::LockState& lock);

/// "Process-1 (pid 12)", or nothing if nobody holds it; stale as soon as it is known.
MULTIPROCESSING_API std::string holder_of(const sync::LockState& lock);

/// Requires that the calling thread has entered.
MULTIPROCESSING_API void leave(sync::LockState& lock) noexcept;

}  // namespace multiprocessing::detail
