#pragma once

// How long to look again before sleeping: some ten microseconds, or not at all where a yield hands
// the processor to somebody who keeps it (other programs want it as much): there a sleeper, whom
// the kernel lets run soon after its wake-up, is faster than a spinner by three orders of
// magnitude.
//
//   threads   a Temper may be shared; it is a guess, and its loads and stores are relaxed
//   death     nothing is shared between processes

#include <atomic>

#include "sys/clock.hpp"

namespace multiprocessing::pool {

/// What was learned: how many waits are to be spent asleep from the start.
class Temper {
 public:
  /// True if this wait may begin by looking again.
  bool calm() noexcept {
    const int left = sleepless_.load(std::memory_order_relaxed);
    if (left == 0) return !sys::alone();
    sleepless_.store(left - 1, std::memory_order_relaxed);
    return false;
  }
  void disturb() noexcept { sleepless_.store(kPenalty, std::memory_order_relaxed); }

 private:
  static constexpr int kPenalty = 64;
  std::atomic<int> sleepless_{0};
};

/// One wait's share of it.
class Patience {
 public:
  explicit Patience(Temper& temper) noexcept : temper_(temper), left_(temper.calm() ? kLooks : 0) {}

  /// False: it is time to sleep.
  bool again() noexcept {
    if (left_ <= 0) return false;
    --left_;
    if (left_ % kYieldEvery != 0) {
      sys::relax();
      return true;
    }
    const sys::Nanoseconds before = sys::now();
    sys::yield();
    if (sys::now() - before < kLongYield) return true;
    temper_.disturb();
    return false;
  }

 private:
  static constexpr int kLooks = 400;
  static constexpr int kYieldEvery = 40;
  static constexpr sys::Nanoseconds kLongYield = 100'000;

  Temper& temper_;
  int left_;
};

}  // namespace multiprocessing::pool
