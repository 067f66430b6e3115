#pragma once

/// \file multiprocessing/synchronize.hpp
/// Locks, events and their like between the threads of all processes of a family.
///
/// Mirrors `multiprocessing.Lock`, `RLock` and `Event`; detail/semaphore.hpp, detail/condition.hpp
/// and detail/barrier.hpp bring the others.
///
///   sharing   copies refer to the same object; capture it, pass it, or send it anywhere
///   threads   every member may be called concurrently from any thread
///   ordering  writes before `release()` or `set()` are visible after the `acquire()`, `wait()` or
///             `is_set()` that it made possible
///   death     a process killed inside any member blocks nobody; if it held a lock, the next
///             acquirer is told within 100 ms, or as its Recovery says
///
/// \code
///   multiprocessing::Lock lock;
///   multiprocessing::Event ready;
///   multiprocessing::Process child([lock, ready] {
///     std::lock_guard guard(lock);
///     ready.set();
///   });
///   child.start();
///   if (!ready.wait(5s)) child.terminate();
/// \endcode

#include <cstddef>
#include <functional>

#include <multiprocessing/detail/barrier.hpp>
#include <multiprocessing/detail/codec_stream.hpp>
#include <multiprocessing/detail/condition.hpp>
#include <multiprocessing/detail/export.hpp>
#include <multiprocessing/detail/handle.hpp>
#include <multiprocessing/detail/lock.hpp>
#include <multiprocessing/detail/lockable.hpp>
#include <multiprocessing/detail/semaphore.hpp>
#include <multiprocessing/detail/vocabulary.hpp>

namespace multiprocessing {

/// A lock that one holds at a time, and that anybody may release: another thread, another process.
///
/// A copy in a forked child is the same lock; the child holds nothing that its parent holds. A
/// thread that ends while holding keeps it held; a process that ends is noticed.
class MULTIPROCESSING_API Lock : public detail::Lockable<Lock> {
 public:
  using multiprocessing_handle = void;

  /// Makes a free lock. \throws ArenaExhausted
  Lock() : Lock(Recovery::raise) {}
  explicit Lock(Recovery recovery);

  /// Waits until the lock is free and takes it; false if `timeout` passes first.
  /// \throws LockOwnerDied if its holder ended without releasing it (Recovery::raise), once; the
  /// lock is free then
  bool acquire(Timeout timeout = {}) const;
  using Lockable::acquire;  // (bool block, Timeout)

  /// Frees the lock, whoever holds it. \throws ValueError if nobody does.
  void release() const;

  /// True if somebody holds it, be it a process that has ended.
  [[nodiscard]] bool locked() const;

  /// True while this process holds a lock that it took over from a dead one (Recovery::hold):
  /// repair what it guards.
  [[nodiscard]] bool owner_died() const;

  /// As `release`, but the release of a free lock has no effect.
  void unlock() const noexcept;

  [[nodiscard]] detail::HandleId handle_id() const noexcept { return {handle_.id()}; }
  /// \throws ValueError if the lock is gone.
  static Lock from_handle_id(detail::HandleId id);
  friend bool operator==(const Lock&, const Lock&) noexcept = default;

 private:
  friend class detail::LockChoice;
  friend struct std::hash<Lock>;
  explicit Lock(detail::Handle handle) noexcept;
  [[nodiscard]] sync::LockState& state() const;

  detail::Handle handle_;
};

/// A lock that the thread that holds it may acquire again; only that thread may release it.
class MULTIPROCESSING_API RLock : public detail::Lockable<RLock> {
 public:
  using multiprocessing_handle = void;

  /// Makes a free lock. \throws ArenaExhausted
  RLock() : RLock(Recovery::raise) {}
  explicit RLock(Recovery recovery);

  /// As `Lock::acquire`; returns at once, counting, if the calling thread holds the lock.
  bool acquire(Timeout timeout = {}) const;
  using Lockable::acquire;  // (bool block, Timeout)

  /// Undoes one `acquire`; the last one frees the lock.
  /// \throws ValueError if the calling thread does not hold it.
  void release() const;

  [[nodiscard]] bool locked() const;
  [[nodiscard]] bool owner_died() const;

  /// As `release`, but without effect where that throws.
  void unlock() const noexcept;

  [[nodiscard]] detail::HandleId handle_id() const noexcept { return {handle_.id()}; }
  /// The id may also be that of a Value or Array, whose lock this is then, or of the Lock that one
  /// was given.
  /// \throws ValueError if the object is gone.
  static RLock from_handle_id(detail::HandleId id);
  friend bool operator==(const RLock&, const RLock&) noexcept = default;

 private:
  friend class detail::GuardedObject;
  friend class detail::LockChoice;
  friend struct std::hash<RLock>;
  explicit RLock(detail::Handle handle) noexcept;
  [[nodiscard]] sync::LockState& state() const;

  detail::Handle handle_;
};

/// A flag to set, clear and wait for.
class MULTIPROCESSING_API Event {
 public:
  using multiprocessing_handle = void;

  /// Makes a cleared flag. \throws ArenaExhausted
  Event();

  [[nodiscard]] bool is_set() const;

  /// Raises the flag and wakes all who wait. No effect if it is up. Async-signal-safe.
  void set() const;

  /// Lowers the flag. Who waited before an earlier `set` is released all the same.
  void clear() const;

  /// Waits for the flag; true if it is up or has been raised meanwhile, false if not in time.
  bool wait(Timeout timeout = {}) const;

  [[nodiscard]] detail::HandleId handle_id() const noexcept { return {handle_.id()}; }
  /// \throws ValueError if the event is gone.
  static Event from_handle_id(detail::HandleId id);
  friend bool operator==(const Event&, const Event&) noexcept = default;

 private:
  friend struct std::hash<Event>;
  explicit Event(detail::Handle handle) noexcept;

  detail::Handle handle_;
};

}  // namespace multiprocessing

template <>
struct std::hash<multiprocessing::Lock> {
  std::size_t operator()(const multiprocessing::Lock& lock) const noexcept {
    return std::hash<multiprocessing::detail::Handle>{}(lock.handle_);
  }
};

template <>
struct std::hash<multiprocessing::RLock> {
  std::size_t operator()(const multiprocessing::RLock& lock) const noexcept {
    return std::hash<multiprocessing::detail::Handle>{}(lock.handle_);
  }
};

template <>
struct std::hash<multiprocessing::Event> {
  std::size_t operator()(const multiprocessing::Event& event) const noexcept {
    return std::hash<multiprocessing::detail::Handle>{}(event.handle_);
  }
};
