#include "queue/fork_lock.hpp"

#include "sys/clock.hpp"
#include "sys/futex.hpp"

namespace multiprocessing::lanes {

// 1. Another epoch: free, take it. 2. Free: take it. 3. Held: sleep. Who wakes us: the holder, a
// thread of this process, which never blocks while it holds.
bool ForkLock::lock_slowly(std::uint32_t mine) noexcept {
  std::uint32_t taken = mine | kHeld;
  for (int tries = 0;; ++tries) {
    std::uint32_t seen = word_.load(std::memory_order_relaxed);
    const bool first = (seen & ~3U) != mine;
    if (first || (seen & 3U) == 0) {                                             // 1, 2
      if (word_.compare_exchange_strong(seen, taken, std::memory_order_acquire,  // [F]
                                        std::memory_order_relaxed)) {
        return first;
      }
      continue;
    }
    if (tries < 8) {  // 3
      sys::yield();
      continue;
    }
    taken = mine | kWaited;  // others may sleep behind us
    if ((seen & 3U) == kWaited ||
        word_.compare_exchange_strong(seen, mine | kWaited, std::memory_order_relaxed,
                                      std::memory_order_relaxed)) {
      (void)sys::futex_wait(word_, mine | kWaited);
    }
  }
}

void ForkLock::wake_one() noexcept {
  (void)sys::futex_wake(word_, 1);
}

}  // namespace multiprocessing::lanes
