#pragma once

/// \file multiprocessing/detail/lockable.hpp
/// What follows from `acquire(Timeout)` in every lock: Python's other form, and the names that
/// std::lock_guard and its like ask for.
///
///   sharing   as the lock
///   threads   as the lock
///   ordering  as the lock
///   death     as the lock

#include <concepts>

#include <multiprocessing/detail/timeout.hpp>

namespace multiprocessing::detail {

/// Base of `Lock_`, which says `using Lockable<Lock_>::acquire` beside an `acquire` of its own.
template <class Lock_>
class Lockable {
 public:
  /// As Python's: without `block`, the time-out is ignored.
  template <std::same_as<bool> B>
  bool acquire(B block, Timeout timeout = {}) const {
    return self().acquire(block ? timeout : Timeout::zero());
  }

  void lock() const { self().acquire(Timeout()); }
  [[nodiscard]] bool try_lock() const { return self().acquire(Timeout::zero()); }
  [[nodiscard]] bool try_lock_for(Timeout timeout) const { return self().acquire(timeout); }
  [[nodiscard]] bool try_lock_until(Timeout moment) const { return self().acquire(moment); }

  friend bool operator==(const Lockable&, const Lockable&) noexcept = default;

 private:
  friend Lock_;
  Lockable() = default;  // NOLINT(bugprone-crtp-constructor-accessibility): the friend's
  [[nodiscard]] const Lock_& self() const noexcept { return static_cast<const Lock_&>(*this); }
};

}  // namespace multiprocessing::detail
