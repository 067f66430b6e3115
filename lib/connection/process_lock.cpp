#include "connection/process_lock.hpp"

#include "shm/watch.hpp"
#include "sys/interrupt.hpp"
#include "sys/process.hpp"

namespace multiprocessing::connection {
namespace {

constexpr std::uint32_t kState = 3;
constexpr std::uint32_t kFree = 0;
constexpr std::uint32_t kHeld = 1;
constexpr std::uint32_t kWaited = 2;

std::uint32_t own_word() noexcept {
  return static_cast<std::uint32_t>(sys::current_pid()) << 2U;
}

}  // namespace

ProcessLock::Taken ProcessLock::lock(sys::Nanoseconds deadline, bool interruptible) {
  const std::uint32_t mine = own_word();
  std::uint32_t taken = kHeld;
  std::uint32_t seen = word_.load(std::memory_order_relaxed);  // the exchange decides
  for (;;) {
    const bool inherited = (seen & ~kState) != mine;  // I1
    if (inherited || (seen & kState) == kFree) {
      if (word_.compare_exchange_weak(seen, mine | taken, std::memory_order_acquire,  // [U]
                                      std::memory_order_relaxed)) {
        return inherited && (seen & kState) != kFree ? Taken::from_an_ancestor : Taken::yes;
      }
      continue;
    }
    if (seen == (mine | kHeld) &&
        !word_.compare_exchange_weak(seen, mine | kWaited, std::memory_order_relaxed,
                                     std::memory_order_relaxed)) {  // nothing is guarded by it
      continue;
    }
    // The holder wakes one. Who has slept leaves the bit up, since others may sleep, too.
    taken = kWaited;
    const sys::Wait wait = interruptible
                               ? sys::futex_wait_interruptibly(word_, mine | kWaited, deadline)
                               : sys::futex_wait(word_, mine | kWaited, deadline);
    if (wait == sys::Wait::timed_out) return Taken::timed_out;
    if (interruptible && wait == sys::Wait::interrupted) shm::interrupted();
    seen = word_.load(std::memory_order_relaxed);
  }
}

void ProcessLock::unlock() noexcept {
  const std::uint32_t before = word_.exchange(own_word(), std::memory_order_release);  // [U]
  if ((before & kState) == kWaited) sys::futex_wake(word_, 1);
}

}  // namespace multiprocessing::connection
