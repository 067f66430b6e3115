#pragma once

// The word on which a process sleeps that waits for any of many things (detail/bell.hpp).
//
// Layout: an object of the arena, its payload one word: 1 while somebody sleeps or is about to.
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
  bell.store(1, std::memory_order_seq_cst);
  std::atomic_thread_fence(std::memory_order_seq_cst);  // [B]
  return 1;
}

}  // namespace multiprocessing::pool
