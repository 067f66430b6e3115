#pragma once

// A barrier between the threads of one process, as CPython's: a condition and a state.
//
//            the last arrives            the last leaves
//   filling ------------------> draining ---------------> filling
//      | reset            abort, time-out |
//      +--> resetting -> filling          +--> broken --reset, the last leaves--> filling
//
// Invariants
//   I1  `state` and `count` change under the lock; they may be read without.
//   I2  Nobody arrives while a phase drains or resets: its last one to leave says that it is over.
//   I3  After a fork nobody is inside: the phase begins anew.
//
// Ordering: that of the lock.
//
// Death: with its process.

#include <atomic>
#include <functional>
#include <utility>

#include "threading/local_condition.hpp"

namespace multiprocessing::threads {

struct LocalBarrier {
  enum class State { filling, draining, resetting, broken };

  LocalBarrier(int n, std::function<void()> f, Timeout t)
      : parties(n), action(std::move(f)), timeout(t) {}

  const int parties;
  const std::function<void()> action;
  const Timeout timeout;
  LocalLock lock{false, Recovery::silent};
  LocalCondition changed;
  std::atomic<State> state{State::filling};
  std::atomic<int> count{0};
};

}  // namespace multiprocessing::threads
