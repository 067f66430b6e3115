#pragma once

/// \file multiprocessing/detail/thread_lock.hpp
/// Locks, semaphores and flags between the threads of one process.
///
/// Mirrors `threading.Lock`, `RLock`, `Semaphore`, `BoundedSemaphore` and `Event`.
///
///   sharing   copies refer to the same object of this process. A forked child has a copy of its
///             own; what the forking thread held it holds there too. They cannot be sent
///   threads   every member may be called concurrently from any thread
///   ordering  writes before `release()` or `set()` are visible after the `acquire()`, `wait()` or
///             `is_set()` that it made possible
///   death     that of a thread is not noticed. In a forked child the first acquirer of a lock that
///             another thread of the parent held gets LockOwnerDied, and the lock is free
///
/// \code
///   const mp::threading::Lock lock;
///   std::lock_guard guard(lock);
/// \endcode

#include <cstddef>
#include <functional>
#include <memory>

#include <multiprocessing/detail/export.hpp>
#include <multiprocessing/detail/lockable.hpp>
#include <multiprocessing/detail/timeout.hpp>

namespace multiprocessing::threads {
struct LocalEvent;      // lib/threading/local_sync.hpp
struct LocalLock;       // lib/threading/local_lock.hpp
struct LocalSemaphore;  // lib/threading/local_sync.hpp

/// Refuses a time-out for a call that shall not block. \throws ValueError
MULTIPROCESSING_API Timeout waiting_time(bool block, Timeout timeout);
}  // namespace multiprocessing::threads

namespace multiprocessing::threading {

class Condition;

/// Without `block`, a time-out is a ValueError.
template <class Lock_>
using Lockable = multiprocessing::detail::Lockable<Lock_, threads::waiting_time>;

/// What Lock and RLock have in common.
class MULTIPROCESSING_API AnyLock : public Lockable<AnyLock> {
 public:
  /// Waits until the lock is free and takes it; false if `timeout` passes first.
  /// \throws LockOwnerDied in a forked child, KeyboardInterrupt
  bool acquire(Timeout timeout = {}) const;
  using Lockable::acquire;  // (bool block, Timeout)

  /// Frees the lock: a Lock whoever holds it, an RLock with the last `release` of its owner.
  /// \throws ValueError if it is not held, an RLock by the calling thread
  void release() const;

  /// True if some thread holds it.
  [[nodiscard]] bool locked() const;

  /// As `release`, but without effect where that throws.
  void unlock() const noexcept;

  friend bool operator==(const AnyLock&, const AnyLock&) noexcept = default;
  [[nodiscard]] std::size_t hash() const noexcept { return std::hash<const void*>{}(lock_.get()); }

 protected:
  explicit AnyLock(bool recursive);

 private:
  friend class Condition;
  std::shared_ptr<threads::LocalLock> lock_;
};

/// A lock that one thread holds at a time, and that any thread may release.
class MULTIPROCESSING_API Lock : public AnyLock {
 public:
  Lock() : AnyLock(false) {}
};

/// A lock that the thread that holds it may acquire again; only that thread may release it.
class MULTIPROCESSING_API RLock : public AnyLock {
 public:
  RLock() : AnyLock(true) {}
};

/// A count of permits. Whoever takes one need not be who gives it back.
class MULTIPROCESSING_API Semaphore : public Lockable<Semaphore> {
 public:
  /// \throws ValueError if there are fewer than 0 or more than 2^31 - 1
  explicit Semaphore(int value = 1);

  /// Waits until there is a permit and takes it; false if `timeout` passes first.
  bool acquire(Timeout timeout = {}) const;
  using Lockable::acquire;  // (bool block, Timeout)

  /// Gives `n` permits, or none. \throws ValueError if `n` is less than 1, or there would be too
  /// many
  void release(int n = 1) const;

  /// Permits that could be taken now.
  [[nodiscard]] int get_value() const;
  [[nodiscard]] bool locked() const { return get_value() == 0; }

  void unlock() const noexcept;

  friend bool operator==(const Semaphore&, const Semaphore&) noexcept = default;
  [[nodiscard]] std::size_t hash() const noexcept {
    return std::hash<const void*>{}(semaphore_.get());
  }

 protected:
  Semaphore(int value, int limit);

 private:
  std::shared_ptr<threads::LocalSemaphore> semaphore_;
};

/// A Semaphore of which never more permits can be taken at a time than it was made with.
class MULTIPROCESSING_API BoundedSemaphore : public Semaphore {
 public:
  explicit BoundedSemaphore(int value = 1) : Semaphore(value, value) {}
};

/// A flag to set, clear and wait for.
class MULTIPROCESSING_API Event {
 public:
  Event();

  [[nodiscard]] bool is_set() const;
  /// Raises the flag and wakes all who wait. No effect if it is up. Async-signal-safe.
  void set() const;
  /// Lowers the flag. Who waited before an earlier `set` is released all the same.
  void clear() const;
  /// Waits for the flag; true if it is up or has been raised meanwhile, false if not in time.
  bool wait(Timeout timeout = {}) const;

  friend bool operator==(const Event&, const Event&) noexcept = default;
  [[nodiscard]] std::size_t hash() const noexcept { return std::hash<const void*>{}(event_.get()); }

 private:
  std::shared_ptr<threads::LocalEvent> event_;
};

/// std::hash of what has a `hash()` of its own.
template <class T>
struct HashOf {
  std::size_t operator()(const T& object) const noexcept { return object.hash(); }
};

}  // namespace multiprocessing::threading

template <>
struct std::hash<multiprocessing::threading::Lock>
    : multiprocessing::threading::HashOf<multiprocessing::threading::Lock> {};
template <>
struct std::hash<multiprocessing::threading::RLock>
    : multiprocessing::threading::HashOf<multiprocessing::threading::RLock> {};
template <>
struct std::hash<multiprocessing::threading::Semaphore>
    : multiprocessing::threading::HashOf<multiprocessing::threading::Semaphore> {};
template <>
struct std::hash<multiprocessing::threading::BoundedSemaphore>
    : multiprocessing::threading::HashOf<multiprocessing::threading::BoundedSemaphore> {};
template <>
struct std::hash<multiprocessing::threading::Event>
    : multiprocessing::threading::HashOf<multiprocessing::threading::Event> {};
