#pragma once

// A word on which consumers wait for items, or producers for space.
//
// Layout: bit 0 somebody sleeps or is about to; bit 1 wakers must fence; bit 2 somebody waits for
//   a bell (bell_list.hpp); 3..31 changes
//
//            announce                  wake: changes + 1, FUTEX_WAKE
//   quiet -------------> somebody sleeps ------------------------> quiet
//
// Invariants
//   I1  A sleeper sets bit 0, then looks, then sleeps on the value that it set.
//   I2  The waker clears bit 0, so that a burst of puts costs one system call; whoever was woken
//       sets it again before it looks, and wakes the next one if it leaves more than it takes.
//
// Ordering. Each pair is named where it is used.
//   [D] announce, then look <-> publish, then load of the word. Store-load on both sides: either
//       the sleeper sees the record or the waker sees bit 0. Consumers sleep rarely, so they pay
//       for both sides: announce is followed by a barrier in every process that puts (membarrier);
//       the putting side needs no more than the compiler's order. Where membarrier is refused,
//       the putting side fences: each by itself if it cannot register, all of them if a sleeper
//       cannot ask (bit 1). Freeing a credit is a seq_cst exchange, so `space` needs neither.
//
// Death
//   sleeper dead, bit 0 set         the next put makes one system call in vain
//   waker dead before FUTEX_WAKE    its death wakes every sleeper of the family (shm/watch.hpp)
//   woken one dead                  likewise
// Points: queue.wake.cleared, queue.sleep.announced

#include <atomic>
#include <cstdint>

#include "shm/block.hpp"
#include "shm/watch.hpp"
#include "sys/clock.hpp"

namespace multiprocessing::lanes {

using WaitWord = std::atomic<std::uint32_t>;

inline constexpr std::uint32_t kSomebody = 1;
inline constexpr std::uint32_t kFenced = 2;
inline constexpr std::uint32_t kBelled = 4;
inline constexpr std::uint32_t kChange = 8;

/// Sets bit 0; the value to sleep on. Order against the look after it: see `settle_announcement`.
std::uint32_t announce(WaitWord& word) noexcept;

/// After announcing on `items`: what is put from now on is seen, or its putter sees bit 0.
void settle_announcement(WaitWord& word) noexcept;

/// This process may put without a fence. Asks the kernel at first use.
bool register_putter() noexcept;

/// Clears bit 0 and wakes up to `count` sleepers.
void wake_sleepers(WaitWord& word, int count) noexcept;

/// Wakes whom the word says to be there: up to `count` sleepers, and all who wait for a bell.
void wake_those_there(WaitWord& word, shm::Location& bells, int count) noexcept;

/// After a publication: wakes up to `count` consumers if somebody sleeps.
inline void published(WaitWord& items, shm::Location& bells, bool fenceless, int count) noexcept {
  std::atomic_signal_fence(std::memory_order_seq_cst);  // [D]
  // relaxed: the sleeper's barrier orders it, or the exchange below does
  std::uint32_t seen = items.load(std::memory_order_relaxed);  // [D]
  if (!fenceless || (seen & kFenced) != 0) [[unlikely]] {
    seen = items.fetch_or(0, std::memory_order_seq_cst);  // [D] before or after the announcement
  }
  if ((seen & (kSomebody | kBelled)) != 0) [[unlikely]]
    wake_those_there(items, bells, count);
}

/// Wakes everybody who sleeps on the word, whatever they wait for: the queue was shut down.
void wake_all(WaitWord& word) noexcept;

/// Passes the time until something may have happened, without the kernel as far as that helps.
/// Bounded: `again()` false means that sleeping is due.
class Patience {
 public:
  /// `streaming`: the last items came without a wait, so the producer is best left alone awhile.
  Patience(bool streaming, int failures) noexcept;
  bool again() noexcept;

 private:
  int polls_;
  int yields_;
  bool streaming_;
};

}  // namespace multiprocessing::lanes
