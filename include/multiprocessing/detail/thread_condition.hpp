#pragma once

/// \file multiprocessing/detail/thread_condition.hpp
/// Waiting for what other threads of this process do.
///
/// Mirrors `threading.Condition` and `threading.Barrier`.
///
///   sharing   copies refer to the same object of this process; a forked child has a copy, in which
///             nobody waits
///   threads   every member may be called concurrently from any thread
///   ordering  that of the condition's lock; writes before any party's `Barrier::wait` are visible
///             to the action, and the action's writes after every party's
///   death     a thread ends only after it has left
///
/// \code
///   const mp::threading::Condition changed;
///   std::lock_guard guard(changed);
///   if (!changed.wait_for([&] { return ready; }, 5s)) return;
/// \endcode

#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>

#include <multiprocessing/detail/thread_lock.hpp>
#include <multiprocessing/detail/wait_for.hpp>

namespace multiprocessing::threads {
struct LocalBarrier;    // lib/threading/local_barrier.hpp
struct LocalCondition;  // lib/threading/local_condition.hpp
}  // namespace multiprocessing::threads

namespace multiprocessing::threading {

/// A condition variable with its lock. Who waits first is notified first.
class MULTIPROCESSING_API Condition : public Lockable<Condition> {
 public:
  explicit Condition(const AnyLock& lock = RLock());

  /// The lock's own.
  bool acquire(Timeout timeout = {}) const { return lock_.acquire(timeout); }
  using Lockable::acquire;  // (bool block, Timeout)
  void release() const { lock_.release(); }
  [[nodiscard]] bool locked() const { return lock_.locked(); }
  void unlock() const noexcept { lock_.unlock(); }

  /// Releases the lock, be it acquired several times, waits for a notification, and acquires the
  /// lock again as it was. False: none came in time. Returns or throws holding the lock.
  /// \throws ValueError unless the lock is held; KeyboardInterrupt
  bool wait(Timeout timeout = {}) const;

  /// Waits until `predicate` holds; what it says last.
  template <std::predicate Predicate>
  bool wait_for(Predicate predicate, Timeout timeout = {}) const {
    return multiprocessing::detail::wait_for(*this, predicate, timeout);
  }

  /// Wakes up to `n` of those who wait. \throws ValueError unless the lock is held
  void notify(int n = 1) const;
  /// Wakes all who wait. \throws ValueError unless the lock is held
  void notify_all() const;

  friend bool operator==(const Condition& a, const Condition& b) noexcept {
    return a.condition_ == b.condition_;
  }
  [[nodiscard]] std::size_t hash() const noexcept {
    return std::hash<const void*>{}(condition_.get());
  }

 private:
  AnyLock lock_;
  std::shared_ptr<threads::LocalCondition> condition_;
};

/// Lets its parties go on when all of them have arrived, again and again.
class MULTIPROCESSING_API Barrier {
 public:
  /// `action` runs in one of the parties when all have arrived, before any goes on. `timeout` is
  /// that of each `wait` that is given none. \throws ValueError unless there is a party
  explicit Barrier(int parties, std::function<void()> action = {}, Timeout timeout = {});

  /// Arrives, and waits until all have; how many had arrived before.
  /// \throws BrokenBarrierError if the barrier is broken, or is while it waits: by `abort` or
  /// `reset`, by a time-out (its own, too), a KeyboardInterrupt, or an action that throws. The
  /// action's own exception in the party that ran it
  int wait(Timeout timeout = {}) const;  // NOLINT(modernize-use-nodiscard): most do not ask

  /// Makes the barrier empty and whole. Whoever waits gets BrokenBarrierError.
  void reset() const;
  /// Breaks the barrier until `reset`.
  void abort() const;

  [[nodiscard]] int parties() const;
  /// How many wait now.
  [[nodiscard]] int n_waiting() const;
  [[nodiscard]] bool broken() const;

  friend bool operator==(const Barrier&, const Barrier&) noexcept = default;
  [[nodiscard]] std::size_t hash() const noexcept {
    return std::hash<const void*>{}(barrier_.get());
  }

 private:
  std::shared_ptr<threads::LocalBarrier> barrier_;
};

}  // namespace multiprocessing::threading

template <>
struct std::hash<multiprocessing::threading::Condition>
    : multiprocessing::threading::HashOf<multiprocessing::threading::Condition> {};
template <>
struct std::hash<multiprocessing::threading::Barrier>
    : multiprocessing::threading::HashOf<multiprocessing::threading::Barrier> {};
