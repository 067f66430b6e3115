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

/// How long `acquire(block, timeout)` waits in multiprocessing: without `block`, the time-out is
/// ignored.
inline Timeout time_if_blocking(bool block, Timeout timeout) noexcept {
  return block ? timeout : Timeout::zero();
}

/// Base of `Lock_`, which says `using Lockable::acquire` beside an `acquire` of its own.
template <class Lock_, Timeout (*kTime)(bool block, Timeout timeout) = time_if_blocking>
class Lockable {
 public:
  /// As Python's. \throws what kTime does
  template <std::same_as<bool> B>
  bool acquire(B block, Timeout timeout = {}) const {
    return self().acquire(kTime(block, timeout));
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
