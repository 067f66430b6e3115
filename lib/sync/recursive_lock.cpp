#include <new>

#include <multiprocessing/errors.hpp>

#include "sync/lock_state.hpp"
#include "sys/crash_point.hpp"

namespace multiprocessing::sync {
namespace {

// relaxed: only the thread that wrote it reads a meaning into it (I1, I2)
std::uint64_t inner_of(const LockState& lock) noexcept {
  return lock.inner.load(std::memory_order_relaxed);
}
void set_inner(LockState& lock, std::uint64_t inner) noexcept {
  lock.inner.store(inner, std::memory_order_relaxed);
}

}  // namespace

bool held_here(const LockState& lock, const Caller& caller) noexcept {
  // relaxed: if this thread holds the lock, it wrote both words itself
  return owner_part(lock.word.load(std::memory_order_relaxed)) == caller.owner &&
         thread_in(inner_of(lock)) == caller.thread;
}

bool acquire_recursive(LockState& lock, Timeout timeout, const Caller& caller) {
  if (held_here(lock, caller)) {
    const std::uint64_t inner = inner_of(lock);
    if (depth_in(inner) == kMaxDepth) {
      throw ValueError("a recursive lock was acquired " + std::to_string(kMaxDepth) +
                       " times by this thread: each acquire() wants its release()");
    }
    set_inner(lock, inner + 1);
    return true;
  }
  if (!acquire(lock, timeout, caller)) return false;
  MULTIPROCESSING_CRASH_POINT("rlock.acquire.taken");
  set_inner(lock, pack_inner(1, caller.thread));
  return true;
}

bool release_recursive(LockState& lock, const Caller& caller) noexcept {
  if (!held_here(lock, caller)) return false;
  const std::uint64_t inner = inner_of(lock);
  if (depth_in(inner) > 1) {
    set_inner(lock, inner - 1);
    return true;
  }
  set_inner(lock, 0);
  MULTIPROCESSING_CRASH_POINT("rlock.release.cleared");
  return release(lock);
}

}  // namespace multiprocessing::sync

namespace multiprocessing::detail {

sync::LockState* make_lock(void* memory, Recovery recovery) noexcept {
  auto* lock = new (memory) sync::LockState;
  lock->recovery = recovery;
  return lock;
}

void enter(sync::LockState& lock) {
  (void)sync::acquire_recursive(lock, Timeout(), sync::caller());
}

void leave(sync::LockState& lock) noexcept {
  (void)sync::release_recursive(lock, sync::caller());
}

}  // namespace multiprocessing::detail
