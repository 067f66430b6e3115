#pragma once

// A word on which consumers wait for items, or producers for space.
//
// Layout: bit 0 somebody sleeps or is about to; bit 1 putters must fence; bit 2 somebody waits for
//   a bell (bell_list.hpp); bit 3 all putters know of bit 1; 4..31 changes
//
//            announce                  wake: changes + 1, FUTEX_WAKE
//   quiet -------------> somebody sleeps ------------------------> quiet
//
//               sleepers' bit 1, barrier, bit 3            who streams: changes + 1
//   fenceless ----------------------------------> fenced ---------------------------> fenceless
//
// Invariants
//   I1  A sleeper sets bit 0, then looks, then sleeps on the value that it set.
//   I2  The waker clears bit 0, so that a burst of puts costs one system call; whoever was woken
//       sets it again before it looks, and wakes the next one if it leaves more than it takes.
//   I3  Bit 3 is set only by who has had a barrier while bit 1 stood, and both go at once, with a
//       change: so bit 3 says that no putter is past a look that missed bit 1.
//
// Ordering. Each pair is named where it is used.
//   [D] announce, then look <-> publish, then load of the word. Store-load on both sides: either
//       the sleeper sees the record or the waker sees bit 0. Consumers sleep rarely, so they pay
//       for both sides: announce is followed by a barrier in every process that puts (membarrier);
//       the putting side needs no more than the compiler's order. Where consumers sleep again and
//       again, the barrier costs more than all fences: then the putters exchange on the word. An
//       announcement that finds bit 3 needs no barrier. 1. A putter that saw the word before it
//       saw bit 1, so it exchanges: before the announcement, which then sees the record, or after
//       it and sees bit 0. 2. One that saw it after bit 1 was cleared saw it after the
//       announcement, and so bit 0. 3. One that saw it before bit 1 was set had its record
//       published by the barrier. Where membarrier is refused, putters fence, too: each by itself
//       if it cannot register, all of them if a sleeper cannot ask (bit 1).
//       Freeing a credit is a seq_cst exchange, so `space` needs neither.
//
// Death
//   sleeper dead, bit 0 set         the next put makes one system call in vain
//   waker dead before FUTEX_WAKE    its death wakes every sleeper of the family (shm/watch.hpp)
//   woken one dead                  likewise
//   sleeper dead, bit 1 without 3   putters exchange, sleepers pay for barriers; until one sets
//                                   bit 3 or clears both
// Points: queue.wake.cleared, queue.sleep.announced, queue.sleep.fenced

#include <algorithm>
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
inline constexpr std::uint32_t kSettled = 8;
inline constexpr std::uint32_t kChange = 16;

/// Sets bit 0; the value to sleep on. Order against the look after it: see `settle_announcement`.
std::uint32_t announce(WaitWord& word) noexcept;

/// A barrier in every process that puts: what one of them published is seen from now on, or it sees
/// what was written before. False: refused, putters fence from now on instead.
bool settle(WaitWord& word) noexcept;

/// After an announcement on `items` that left `announced` there: what is put from now on is seen,
/// or its putter sees the announcement. `often`: it pays to have the putters fence from now on.
/// The value to sleep on.
std::uint32_t settle_announcement(WaitWord& word, std::uint32_t announced, bool often) noexcept;

/// Consumers do not sleep any more: putters need not fence.
inline void spare_fences(WaitWord& word) noexcept {
  // relaxed, here and below: a hint
  std::uint32_t seen = word.load(std::memory_order_relaxed);
  if ((seen & kFenced) == 0) [[likely]]
    return;
  (void)word.compare_exchange_strong(seen, (seen & ~(kFenced | kSettled)) + kChange,
                                     std::memory_order_relaxed);  // I3
}

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
  /// `failures` for the next one, which has failed as often as said, and now again. One that has
  /// yielded for long lost the processor to others: who sleeps gets it back at once when woken, so
  /// no more of that until something comes in time, or times may have changed.
  [[nodiscard]] int failures_after(int failures) const noexcept {
    if (lost_) return kNoYields;
    if (failures >= kNoYields) return failures < kTryAnew ? failures + 1 : 0;
    return std::min(failures + 1, kFewYields);
  }
  /// The same once it is known how long the sleep took that it ended in: one that had given up
  /// early, and would have seen the answer come, waits to the end next time.
  [[nodiscard]] static int failures_after_sleep(int failures, sys::Nanoseconds slept) noexcept {
    return failures > 1 && failures < kNoYields && slept < kSpan ? 0 : failures;
  }

 private:
  static constexpr int kFewYields = 4;
  static constexpr int kNoYields = 5;
  static constexpr int kTryAnew = 64;
  static constexpr sys::Nanoseconds kSpan = 12'000;  // its own, without failures, and a little

  int polls_;
  int yields_;
  bool streaming_;
  bool lost_ = false;
};

}  // namespace multiprocessing::lanes
