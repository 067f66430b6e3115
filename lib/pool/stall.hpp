#pragma once

// Work that stands while workers sleep: whoever was relied on to take it, or to wake the next one,
// does not run. It may have been stopped (SIGSTOP, a debugger, a frozen control group), asleep or
// while it searched.
//
//   sharing   private to its process: the owner has one, for its waits, and the keeper another, for
//             its ticks
//   threads   may be shared; its loads and stores are relaxed, for what is lost by a race is a
//             wake-up that comes a little earlier or later
//   death     nothing of it is shared between processes

#include <atomic>
#include <cstdint>

#include "pool/state.hpp"
#include "sys/clock.hpp"

namespace multiprocessing::pool {

class Stall {
 public:
  /// Wakes one more worker if workers sleep and the same work has stood at the heads of the rings
  /// since a look at least `kStands` ago; who seems to search is not relied on any more.
  /// Returns when to look again; sys::kForever: there is no need.
  sys::Nanoseconds look(View& view) noexcept;

  /// Long for one who runs, short for one who waits.
  static constexpr sys::Nanoseconds kStands = 10'000'000;

 private:
  std::atomic<std::uint64_t> heads_{0};     // their sum: none ever goes back
  std::atomic<sys::Nanoseconds> since_{0};  // 0: no work stood there
};

}  // namespace multiprocessing::pool
