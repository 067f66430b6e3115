#pragma once

/// \file sys/clock.hpp
/// The monotonic clock, in which every deadline is given, beside the ways to pass a little time.

#include <cstdint>
#include <limits>

namespace multiprocessing::sys {

using Nanoseconds = std::int64_t;

/// The deadline that never comes.
inline constexpr Nanoseconds kForever = std::numeric_limits<Nanoseconds>::max();

/// CLOCK_MONOTONIC: the same in all processes of the machine. Async-signal-safe.
[[nodiscard]] Nanoseconds now() noexcept;

/// The deadline that lies `span` from now; `kForever` instead of an overflow.
[[nodiscard]] Nanoseconds deadline_after(Nanoseconds span) noexcept;

/// Tells the processor that this is a spin loop.
inline void relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
  asm volatile("yield");
#endif
}

/// Lets somebody else run on this processor.
void yield() noexcept;

/// Processors that the thread that asked first may use; at least 1. Asked once per program, so a
/// later change of the affinity goes unnoticed: this guides spinning, not scheduling.
[[nodiscard]] int usable_cpus() noexcept;

/// True on one processor, where spinning only keeps the peer from running.
[[nodiscard]] bool alone() noexcept;

}  // namespace multiprocessing::sys
