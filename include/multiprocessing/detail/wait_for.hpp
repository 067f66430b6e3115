#pragma once

/// \file multiprocessing/detail/wait_for.hpp
/// `wait_for` of every condition, by its `wait`.
///
///   sharing   as the condition
///   threads   as the condition
///   ordering  as the condition
///   death     as the condition

#include <chrono>
#include <concepts>

#include <multiprocessing/detail/timeout.hpp>

namespace multiprocessing::detail {

/// Waits until `predicate` holds; what it says last. As in CPython, whoever has no time looks,
/// lets go of the lock once, and looks again.
template <class Condition, std::predicate Predicate>
bool wait_for(const Condition& condition, Predicate& predicate, Timeout timeout) {
  bool holds = static_cast<bool>(predicate());
  if (holds) return true;
  // A fixed moment: a span would begin anew with each wait.
  if (!timeout.is_forever()) {
    using Steady = std::chrono::steady_clock;
    timeout = Steady::time_point(std::chrono::nanoseconds(timeout.deadline()));
  }
  while (!holds) {
    const bool in_time = condition.wait(timeout);
    holds = static_cast<bool>(predicate());
    if (!in_time) break;
  }
  return holds;
}

}  // namespace multiprocessing::detail
