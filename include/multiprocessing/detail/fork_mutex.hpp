#pragma once

/// \file multiprocessing/detail/fork_mutex.hpp
/// A lock between the threads of a process that is free in each forked child, whichever thread of
/// the parent held it at the fork.
///
///   sharing   private to a process; a child finds what it guards as it was at the fork
///   threads   every function may be called concurrently
///   ordering  [F] unlock: release -> lock: acquire
///   death     with the process

#include <atomic>
#include <cstdint>

#include <multiprocessing/detail/shared_future.hpp>

namespace multiprocessing::detail {

class ForkMutex {
 public:
  ForkMutex() noexcept = default;
  ForkMutex(const ForkMutex&) = delete;
  ForkMutex& operator=(const ForkMutex&) = delete;

  void lock() noexcept {
    const std::uint32_t mine = fork_count() << 2U;
    std::uint32_t taken = mine | kHeld;
    for (;;) {
      std::uint32_t seen = word_.load(std::memory_order_relaxed);  // the exchange decides
      // Of another process: whatever it says, nobody holds it here.
      if ((seen & ~3U) != mine || (seen & 3U) == 0) {
        if (word_.compare_exchange_weak(seen, taken, std::memory_order_acquire,  // [F]
                                        std::memory_order_relaxed)) {
          return;
        }
      } else if (seen == (mine | kWaited) ||
                 word_.compare_exchange_weak(seen, mine | kWaited, std::memory_order_relaxed)) {
        // Who wakes us: the holder, a thread of this process.
        word_.wait(mine | kWaited, std::memory_order_relaxed);
        taken = mine | kWaited;  // others may sleep behind us
      }
    }
  }
  void unlock() noexcept {
    const std::uint32_t mine = fork_count() << 2U;
    if ((word_.exchange(mine, std::memory_order_release) & 3U) == kWaited) {  // [F]
      word_.notify_one();
    }
  }

 private:
  static constexpr std::uint32_t kHeld = 1;
  static constexpr std::uint32_t kWaited = 2;

  std::atomic<std::uint32_t> word_{0};  // fork_count() << 2 | free=0 held=1 held, with waiters=2
};

}  // namespace multiprocessing::detail
