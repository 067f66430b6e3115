#pragma once

/// \file sys/futex.hpp
/// Sleeping on a 32-bit word that other processes may share.
///
///   sharing   the word may lie in memory shared between processes (no FUTEX_PRIVATE_FLAG)
///   threads   both functions may be called concurrently; `futex_wake` is async-signal-safe
///   ordering  none is promised: the caller's atomics carry it
///   death     a wake-up given to a sleeper that is killed before it runs is lost with it; making
///             that good is the business of the watch above

#include <atomic>
#include <cstdint>

#include "sys/clock.hpp"

namespace multiprocessing::sys {

enum class Wait {
  woken,       ///< by `futex_wake`, or spuriously
  changed,     ///< `word` did not hold `expected`
  timed_out,   ///< the deadline has passed
  interrupted  ///< a signal handler ran
};

/// Sleeps while `word` holds `expected`, until the absolute `deadline`; one in the past polls. Who
/// wakes it: `futex_wake` on the same word. Stops the program if the kernel cannot reach the
/// word or refuses futexes, since a caller would wait for nothing.
Wait futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected,
                Nanoseconds deadline = kForever) noexcept;

/// Wakes up to `count` sleepers; returns how many were woken, 0 also if the word has gone.
int futex_wake(const std::atomic<std::uint32_t>& word, int count) noexcept;

}  // namespace multiprocessing::sys
