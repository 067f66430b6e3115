#pragma once

// The word on which a process sleeps that waits for any of many things (detail/bell.hpp).
//
// Layout: an object of the arena, its payload one word: bit 0 is set while somebody sleeps or is
// about to; bits 1..31 count the rings that found it set.
//
//   (n, unset) -- arm --> (n, set) -- ring --> (n + 1, unset)
//
// Several may sleep on it. One that armed (n, set) does not fall asleep once it was rung, though
// another one arms it again: the count has moved on.
//
// Ordering
//   [B] what happened: seq_cst, then a look at the word <-> word: seq_cst, then a look at what may
//       have happened (store-load on both sides)
//
// Death
//   owner       its pools hold the object, so that their workers may ring until they end, too
//   ringer      before its look: its death wakes the sleeper

#include <atomic>
#include <cstdint>

#include <multiprocessing/detail/handle.hpp>

namespace multiprocessing::pool {

using Bell = std::atomic<std::uint32_t>;

/// This process's bell. \throws ArenaExhausted
detail::Handle own_bell();
Bell& bell_in(const detail::Handle& handle) noexcept;

/// Wakes who sleeps on it. What happened was published by a seq_cst step.
void ring(Bell& bell) noexcept;

/// In the loop of a sleeper, after its note and before its look. Returns the value to sleep on.
inline std::uint32_t arm(Bell& bell) noexcept {
  const std::uint32_t armed = bell.fetch_or(1U, std::memory_order_seq_cst) | 1U;
  std::atomic_thread_fence(std::memory_order_seq_cst);  // [B]
  return armed;
}

}  // namespace multiprocessing::pool
