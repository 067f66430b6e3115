#pragma once

/// \file multiprocessing/detail/condition.hpp
/// Waiting, under a lock, until another thread or process says that something has changed.
///
/// Mirrors `multiprocessing.Condition`.
///
///   sharing   copies refer to the same condition and the same lock; capture it, pass it, or send
///   it
///             anywhere
///   threads   every member may be called concurrently from any thread
///   ordering  that of the lock, which `wait` holds when it is entered and when it is left
///   death     a process killed in `wait` blocks nobody, and a notification that it had got goes to
///             another waiter; one killed while it holds the lock: as the lock says
///
/// \code
///   const multiprocessing::Condition changed;
///   std::lock_guard guard(changed);
///   if (!changed.wait_for([&] { return ready.value == 1; }, 5s)) return;
/// \endcode

#include <concepts>
#include <cstddef>
#include <functional>
#include <type_traits>

#include <multiprocessing/detail/codec_stream.hpp>
#include <multiprocessing/detail/export.hpp>
#include <multiprocessing/detail/handle.hpp>
#include <multiprocessing/detail/lockable.hpp>
#include <multiprocessing/detail/timeout.hpp>
#include <multiprocessing/detail/wait_for.hpp>

namespace multiprocessing::sync {
struct ConditionState;  // lib/sync/condition_state.hpp
struct LockState;       // lib/sync/lock_state.hpp
}  // namespace multiprocessing::sync

namespace multiprocessing {

class Lock;
class RLock;

/// A condition variable with its lock.
class MULTIPROCESSING_API Condition : public detail::Lockable<Condition> {
 public:
  using multiprocessing_handle = void;

  /// Makes a condition with an RLock of its own. \throws ArenaExhausted
  Condition();
  explicit Condition(const Lock& lock);
  explicit Condition(const RLock& lock);

  /// The lock's own. \throws LockOwnerDied, ValueError as it does
  bool acquire(Timeout timeout = {}) const;
  using Lockable::acquire;  // (bool block, Timeout)
  void release() const;

  void unlock() const noexcept;

  /// Releases the lock, be it acquired several times, waits for a notification, and acquires the
  /// lock again as it was. False: none came in time. Returns or throws holding the lock.
  /// \throws ValueError unless the lock is held; LockOwnerDied if its holder died meanwhile
  bool wait(Timeout timeout = {}) const;

  /// Waits until `predicate` holds; what it says last.
  template <std::predicate Predicate>
  bool wait_for(Predicate predicate, Timeout timeout = {}) const {
    return detail::wait_for(*this, predicate, timeout);
  }

  /// Wakes up to `n` of those who wait. \throws ValueError unless the lock is held
  void notify(int n = 1) const;
  /// Wakes all who wait. \throws ValueError unless the lock is held
  void notify_all() const;

  [[nodiscard]] detail::HandleId handle_id() const noexcept { return {handle_.id()}; }
  /// \throws ValueError if the condition is gone.
  static Condition from_handle_id(detail::HandleId id);
  friend bool operator==(const Condition& a, const Condition& b) noexcept {
    return a.handle_ == b.handle_;
  }

 private:
  friend struct std::hash<Condition>;
  Condition(detail::Handle handle, detail::Handle lock) noexcept;
  Condition(detail::HandleId lock, bool recursive);
  [[nodiscard]] sync::ConditionState& state() const;
  [[nodiscard]] sync::LockState& lock_state() const;

  detail::Handle handle_;
  detail::Handle lock_;
};

}  // namespace multiprocessing

template <>
struct std::hash<multiprocessing::Condition> {
  std::size_t operator()(const multiprocessing::Condition& condition) const noexcept {
    return std::hash<multiprocessing::detail::Handle>{}(condition.handle_);
  }
};
