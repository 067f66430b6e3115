#pragma once

// The places of a bounded queue: one word each, free or naming the record that uses it.
//
// Layout: 0 free; else 0..39 the record's position, 40..47 its lane's epoch, 48..63 lane + 1
//
//            take (the producer, before it fills the record)
//   free ---------------------------------------------------> taken(lane, epoch, position)
//     ^                                                               |
//     +--- free (its consumer, or anybody: see Death) ----------------+
//
// Invariants
//   I1  A record is published only with a credit that names it; so at most `maxsize` records are
//       in the queue.
//   I2  A credit is freed by compare-exchange from exactly the word that names its record. 40 bits
//       of position are 8 TiB through one lane between the look and the exchange.
//   I3  A word that names an epoch other than its lane's is over: a lane changes hands drained.
//
// Ordering. Each pair is named where it is used.
//   [K] free: seq_cst exchange, then load of `space` <-> announce on `space`, then look (seq_cst):
//       store-load on both sides, so either the sleeper sees the free credit or is woken
//
// Death
//   taken, record not published     at or beyond the dead lane's end: anybody frees it
//   taken, record claimed           the head has passed its position: anybody frees it
//   freed, before the wake          the death wakes every sleeper (shm/watch.hpp)
// Points: queue.get.credited (lane.hpp), queue.credit.reclaimed

#include <cstdint>

#include "queue/queue_state.hpp"

namespace multiprocessing::lanes {

inline constexpr std::uint64_t kCreditPosition = (std::uint64_t{1} << 40U) - 1;

constexpr std::uint64_t credit_of(std::uint32_t lane, std::uint32_t epoch,
                                  std::uint64_t position) noexcept {
  return (position & kCreditPosition) | (std::uint64_t{epoch} & 0xFFU) << 40U |
         (std::uint64_t{lane} + 1) << 48U;
}
constexpr std::uint32_t credit_lane(std::uint64_t word) noexcept {
  return static_cast<std::uint32_t>(word >> 48U) - 1;
}
/// How far the credit's position lies before `position`, which is no more than 2^39 words away.
constexpr std::int64_t credit_lag(std::uint64_t word, std::uint64_t position) noexcept {
  return static_cast<std::int64_t>((position - word) << 24U) >> 24U;
}

/// Takes a free credit for the record that `credit` names: one close behind `cursor`, which moves
/// to it, or the one that came free last. False: neither is; ask `surely_full`, which finds others.
bool take_credit(QueueView& queue, std::uint64_t credit, std::uint64_t& cursor) noexcept;

/// A credit that was likely to come free next has done so. Cheap: it looks at two.
[[nodiscard]] inline bool credit_in_sight(QueueView& queue, std::uint64_t cursor) noexcept {
  const std::uint64_t next = cursor + 1 < queue.state.maxsize ? cursor + 1 : 0;
  const std::uint64_t freed = queue.state.freed.load(std::memory_order_relaxed);  // guesses
  return queue.credits[next].load(std::memory_order_relaxed) == 0 ||
         (freed < queue.state.maxsize && queue.credits[freed].load(std::memory_order_relaxed) == 0);
}

/// Frees the credit `index` of a record that has just been claimed at `place` of the lane.
void free_credit(QueueView& queue, std::uint32_t lane, std::uint64_t place,
                 std::uint64_t index) noexcept;

/// Frees credits that the dead have left. True: there was a moment, during the call, at which every
/// credit was taken. False: look again.
bool surely_full(QueueView& queue) noexcept;

}  // namespace multiprocessing::lanes
