#include "threading/local_lock.hpp"

#include <multiprocessing/errors.hpp>

namespace multiprocessing::threads {
namespace {

/// I1: what the forking thread held, it holds in the child.
void adopt(sync::LockState& lock, const sync::Caller& caller) noexcept {
  // relaxed, all: the thread that forked wrote these words before the fork, or they are no matter
  sync::LockWord seen = lock.word.load(std::memory_order_relaxed);
  const sync::LockWord owner = sync::owner_part(seen);
  if (owner == sync::kFree || owner == caller.owner) return;
  const std::uint64_t inner = lock.inner.load(std::memory_order_relaxed);
  if (forker_token() == 0 || sync::thread_in(inner) != forker_token()) return;
  // Without W: those who slept stayed behind.
  lock.word.compare_exchange_strong(seen, caller.owner, std::memory_order_relaxed);
}

void note_holder(sync::LockState& lock, std::uint64_t inner) noexcept {
  lock.inner.store(inner, std::memory_order_relaxed);  // read by its writer, or after a fork
}

}  // namespace

bool acquire(LocalLock& lock, Timeout timeout) {
  const sync::Caller caller = here();
  adopt(lock.state, caller);
  if (lock.recursive) return sync::acquire_recursive(lock.state, timeout, caller);
  if (!sync::acquire(lock.state, timeout, caller)) return false;
  note_holder(lock.state, sync::pack_inner(1, caller.thread));
  return true;
}

bool release(LocalLock& lock) noexcept {
  const sync::Caller caller = here();
  adopt(lock.state, caller);
  if (lock.recursive) return sync::release_recursive(lock.state, caller);
  // relaxed: true by now, or not any more
  if (lock.state.word.load(std::memory_order_relaxed) == sync::kFree) return false;
  note_holder(lock.state, 0);  // I2
  return sync::release(lock.state);
}

bool is_held(LocalLock& lock) noexcept {
  const sync::Caller caller = here();
  adopt(lock.state, caller);
  if (lock.recursive) return sync::held_here(lock.state, caller);
  // relaxed: true by now, or not any more
  return lock.state.word.load(std::memory_order_relaxed) != sync::kFree;
}

std::uint64_t release_all(LocalLock& lock) noexcept {
  // relaxed: this thread wrote it
  const std::uint64_t inner = lock.state.inner.exchange(0, std::memory_order_relaxed);
  (void)sync::release(lock.state);
  return inner;
}

void reacquire(LocalLock& lock, std::uint64_t inner) {
  (void)sync::acquire(lock.state, Timeout(), here());
  note_holder(lock.state, inner);
}

Timeout waiting_time(bool block, Timeout timeout) {
  if (block) return timeout;
  if (!timeout.is_forever()) {
    throw ValueError("can't specify a timeout for a non-blocking call");
  }
  return Timeout::zero();
}

}  // namespace multiprocessing::threads
