#pragma once

/// \file multiprocessing/detail/exposed_locks.hpp
/// Proxies of Lock, RLock, Semaphore, BoundedSemaphore, Event, Condition and Barrier. In the
/// manager's memory the caller's program holds what it acquires in a name of its own, each of its
/// threads apart, so for everybody else it is as if it were a process of the family.
///
///   sharing   as every Proxy
///   threads   every call may be made concurrently
///   ordering  as of the handles themselves
///   death     of a caller that holds a lock: as a process's, LockOwnerDied or as the lock's
///             Recovery says, naming its pid; of one that waits: it takes nothing, and a Barrier
///             breaks; of the manager: EOFError, and what the caller held is a dead one's.
///             A wait that ends by KeyboardInterrupt or TimeoutError holds nothing afterwards

#include <concepts>
#include <exception>
#include <type_traits>

#include <multiprocessing/detail/condition.hpp>
#include <multiprocessing/detail/export.hpp>
#include <multiprocessing/detail/exposed_functions.hpp>
#include <multiprocessing/detail/lockable.hpp>
#include <multiprocessing/detail/timeout.hpp>
#include <multiprocessing/detail/wait_for.hpp>
#include <multiprocessing/synchronize.hpp>

namespace multiprocessing::detail {

// One `release` of what the calling thread holds; nothing if it does not.
MULTIPROCESSING_API void give_back(const Lock& lock) noexcept;
inline void give_back(const RLock& lock) noexcept {
  lock.unlock();
}
inline void give_back(const Semaphore& semaphore) noexcept {
  semaphore.unlock();
}
MULTIPROCESSING_API void give_back(const Condition& condition) noexcept;
/// However often it was acquired.
MULTIPROCESSING_API void give_all_back(const Condition& condition) noexcept;

/// `acquire` of whatever has one.
template <class L>
bool acquire_for_caller(L& lock, ManagedScope& scope, WireTime time) {
  const CallersTurn turn(scope);
  return take_for_caller(
      scope, [&] { return lock.acquire(time_of_wire(time)); },
      [lock, &scope] {
        const CallersTurn later(scope);
        give_back(lock);
      });
}

/// What the proxies of all that can be acquired have beyond what is listed. `Acquire` is listed as
/// "acquire".
template <class Listed, auto Acquire>
struct AcquiredMethods : Listed, Lockable<AcquiredMethods<Listed, Acquire>> {
  using Listed::Listed;
  using Lockable_ = Lockable<AcquiredMethods<Listed, Acquire>>;

  bool acquire(Timeout timeout = {}) const {
    const WireTime time = wire_time(timeout);
    return this->template call_within<Acquire>(answer_limit(time), "acquire", time);
  }
  using Lockable_::acquire;  // (bool block, Timeout)

  /// As `release`, but without effect where that throws.
  void unlock() const noexcept {
    try {
      this->release();
    } catch (const std::exception&) {  // not held, or the manager is gone and with it the lock
    }
  }
  friend bool operator==(const AcquiredMethods& a, const AcquiredMethods& b) noexcept {
    return static_cast<const ProxyBase&>(a) == static_cast<const ProxyBase&>(b);
  }
};

/// Of Lock and RLock.
template <class L>
struct LockExposure {
  using Object = L;

  static bool acquire(Object& lock, ManagedScope& scope, WireTime time) {
    return acquire_for_caller(lock, scope, time);
  }
  static void release(Object& lock, ManagedScope& scope) {
    const CallersTurn turn(scope);
    lock.release();
  }
  static bool locked(Object& lock) { return lock.locked(); }
  static bool owner_died(Object& lock, ManagedScope& scope) {
    const CallersTurn turn(scope);
    return lock.owner_died();
  }
  MULTIPROCESSING_EXPOSE_FUNCTIONS(LockExposure, acquire, release, locked, owner_died)

  template <class Base>
  struct Methods : AcquiredMethods<Listed<Base>, &LockExposure::acquire> {
    using AcquiredMethods<Listed<Base>, &LockExposure::acquire>::AcquiredMethods;
  };
};

/// Of Semaphore and BoundedSemaphore. The permits of the dead stay taken, as in Python.
template <class S>
struct SemaphoreExposure {
  using Object = S;

  static bool acquire(Object& semaphore, ManagedScope& scope, WireTime time) {
    return take_for_caller(
        scope, [&] { return semaphore.acquire(time_of_wire(time)); },
        [semaphore] { give_back(semaphore); });
  }
  static void release(Object& semaphore) { semaphore.release(); }
  static int get_value(Object& semaphore) { return semaphore.get_value(); }
  static bool locked(Object& semaphore) { return semaphore.locked(); }
  MULTIPROCESSING_EXPOSE_FUNCTIONS(SemaphoreExposure, acquire, release, get_value, locked)

  template <class Base>
  struct Methods : AcquiredMethods<Listed<Base>, &SemaphoreExposure::acquire> {
    using AcquiredMethods<Listed<Base>, &SemaphoreExposure::acquire>::AcquiredMethods;
  };
};

struct EventExposure {
  using Object = Event;

  static void set(Object& event) { event.set(); }
  static void clear(Object& event) { event.clear(); }
  static bool is_set(Object& event) { return event.is_set(); }
  static bool wait(Object& event, ManagedScope& scope, WireTime time) {
    const CallersWait wait(scope);
    return event.wait(time_of_wire(time));
  }
  MULTIPROCESSING_EXPOSE_FUNCTIONS(EventExposure, set, clear, is_set, wait)

  /// As Event's own.
  template <class Base>
  struct Methods : Listed<Base> {
    using Listed<Base>::Listed;
    bool wait(Timeout timeout = {}) const {  // NOLINT(modernize-use-nodiscard)
      const WireTime time = wire_time(timeout);
      return this->template call_within<&EventExposure::wait>(answer_limit(time), "wait", time);
    }
  };
};

struct ConditionExposure {
  using Object = Condition;

  static bool acquire(Object& condition, ManagedScope& scope, WireTime time) {
    return acquire_for_caller(condition, scope, time);
  }
  static void release(Object& condition, ManagedScope& scope) {
    const CallersTurn turn(scope);
    condition.release();
  }
  // Whoever leaves while it waits holds nothing afterwards, though the wait ends holding the lock.
  static bool wait(Object& condition, ManagedScope& scope, WireTime time) {
    const CallersTurn turn(scope);
    const CallersWait wait(scope);
    const auto undo = [condition, &scope] {
      const CallersTurn later(scope);
      give_all_back(condition);
    };
    scope.unless_received(undo);
    try {
      const bool notified = condition.wait(time_of_wire(time));
      if (scope.caller_has_left()) undo();
      return notified;
    } catch (...) {
      if (scope.caller_has_left()) undo();
      throw;
    }
  }
  static void notify(Object& condition, ManagedScope& scope, int n) {
    const CallersTurn turn(scope);
    condition.notify(n);
  }
  static void notify_all(Object& condition, ManagedScope& scope) {
    const CallersTurn turn(scope);
    condition.notify_all();
  }
  MULTIPROCESSING_EXPOSE_FUNCTIONS(ConditionExposure, acquire, release, wait, notify, notify_all)

  /// As Condition's own.
  template <class Base>
  struct Methods : AcquiredMethods<Listed<Base>, &ConditionExposure::acquire> {
    using AcquiredMethods<Listed<Base>, &ConditionExposure::acquire>::AcquiredMethods;

    // Without a limit: however short the time, the lock may be long in coming back.
    bool wait(Timeout timeout = {}) const {  // NOLINT(modernize-use-nodiscard)
      return Listed<Base>::wait(wire_time(timeout));
    }
    template <std::predicate Predicate>
    bool wait_for(Predicate predicate, Timeout timeout = {}) const {
      return detail::wait_for(*this, predicate, timeout);
    }
    void notify(int n = 1) const { Listed<Base>::notify(n); }
  };
};

struct BarrierExposure {
  using Object = Barrier;

  // Breaks the barrier if the caller leaves.
  static int wait(Object& barrier, ManagedScope& scope, WireTime time) {
    const CallersWait wait(scope);
    return barrier.wait(time_of_wire(time));
  }
  static void reset(Object& barrier) { barrier.reset(); }
  static void abort(Object& barrier) { barrier.abort(); }
  static int parties(Object& barrier) { return barrier.parties(); }
  static int n_waiting(Object& barrier) { return barrier.n_waiting(); }
  static bool broken(Object& barrier) { return barrier.broken(); }
  MULTIPROCESSING_EXPOSE_FUNCTIONS(BarrierExposure, wait, reset, abort, parties, n_waiting, broken)

  /// As Barrier's own.
  template <class Base>
  struct Methods : Listed<Base> {
    using Listed<Base>::Listed;
    int wait(Timeout timeout = {}) const {  // NOLINT(modernize-use-nodiscard)
      const WireTime time = wire_time(timeout);
      return this->template call_within<&BarrierExposure::wait>(answer_limit(time), "wait", time);
    }
  };
};

}  // namespace multiprocessing::detail

namespace multiprocessing {

// Found by the namespace of the handle.
detail::LockExposure<Lock> multiprocessing_exposed(std::type_identity<Lock>);
detail::LockExposure<RLock> multiprocessing_exposed(std::type_identity<RLock>);
detail::SemaphoreExposure<Semaphore> multiprocessing_exposed(std::type_identity<Semaphore>);
detail::SemaphoreExposure<BoundedSemaphore> multiprocessing_exposed(
    std::type_identity<BoundedSemaphore>);
detail::EventExposure multiprocessing_exposed(std::type_identity<Event>);
detail::ConditionExposure multiprocessing_exposed(std::type_identity<Condition>);
detail::BarrierExposure multiprocessing_exposed(std::type_identity<Barrier>);

}  // namespace multiprocessing
