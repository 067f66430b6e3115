#pragma once

/// \file sys/timespec.hpp
/// Nanoseconds as the kernel takes them. Internal to this folder.

#include <algorithm>
#include <ctime>

#include "sys/clock.hpp"

namespace multiprocessing::sys {

/// A negative time becomes 0: the kernel refuses it, and it means "at once" everywhere here.
[[nodiscard]] constexpr std::timespec to_timespec(Nanoseconds time) noexcept {
  constexpr Nanoseconds kSecond = 1'000'000'000;
  time = std::max<Nanoseconds>(time, 0);
  return {.tv_sec = time / kSecond, .tv_nsec = time % kSecond};
}

}  // namespace multiprocessing::sys
