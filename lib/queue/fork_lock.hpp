#pragma once

// A lock between the threads of one process that is free again in every forked child, and cheap
// while there is only one thread.
//
// Layout: bits 0..1 free=0 held=1 held, with waiters=2; bits 2..31 the process's fork epoch
//
// Invariants
//   I1  A word of another epoch was written by an ancestor: whatever it says, the lock is free
//   here,
//       and what it guards is as some moment of the ancestor left it.
//
// Ordering. Each pair is named where it is used.
//   [F] unlock: release -> lock: acquire
//
// Death: the lock dies with its process.

#include <sys/single_threaded.h>

#include <atomic>
#include <cstdint>

namespace multiprocessing::lanes {

/// 1, and one more in each process that was forked since. Fork hooks count it.
inline std::atomic<std::uint32_t> fork_epoch{1};

class ForkLock {
 public:
  /// True: for the first time in this process.
  bool lock() noexcept {
    const std::uint32_t mine = fork_epoch.load(std::memory_order_relaxed) << 2U;  // own process's
    std::uint32_t seen = word_.load(std::memory_order_relaxed);  // the exchange decides
    if (__libc_single_threaded) {
      word_.store(mine | kHeld, std::memory_order_relaxed);  // nobody else looks
      return (seen & ~3U) != mine;
    }
    if ((seen == mine) && word_.compare_exchange_strong(seen, mine | kHeld,
                                                        std::memory_order_acquire,  // [F]
                                                        std::memory_order_relaxed)) {
      return false;
    }
    return lock_slowly(mine);
  }

  void unlock() noexcept {
    const std::uint32_t mine = fork_epoch.load(std::memory_order_relaxed) << 2U;
    if (__libc_single_threaded) {
      word_.store(mine, std::memory_order_release);
      return;
    }
    // release: [F]
    if ((word_.exchange(mine, std::memory_order_release) & 3U) == kWaited) wake_one();
  }

 private:
  static constexpr std::uint32_t kHeld = 1;
  static constexpr std::uint32_t kWaited = 2;

  bool lock_slowly(std::uint32_t mine) noexcept;
  void wake_one() noexcept;

  std::atomic<std::uint32_t> word_{0};
};

}  // namespace multiprocessing::lanes
