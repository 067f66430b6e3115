#pragma once

// Looks inside a lock or event, so that a test can wait until somebody sleeps for it.

#include <sched.h>

#include <cstdint>

#include <multiprocessing/synchronize.hpp>

#include "shm/arena.hpp"
#include "shm/object.hpp"
#include "shm/process_table.hpp"
#include "sync/event_state.hpp"
#include "sync/lock_state.hpp"

namespace multiprocessing::test {

template <class State, class Handle>
State& state_of(const Handle& handle) {
  const auto id = shm::BlockRef::unpack(handle.handle_id().value);
  auto* object = shm::block_as<shm::ObjectHeader>(id.id);
  return *shm::payload<State>(object);
}

/// Returns once `condition` holds; ctest's time-out is the watchdog.
template <class Condition>
void await(Condition condition) {
  while (!condition()) ::sched_yield();
}

/// Returns once somebody is about to sleep, or sleeps, for the lock.
template <class AnyLock>
void await_waiter(const AnyLock& lock) {
  const sync::LockState& state = state_of<sync::LockState>(lock);
  await([&] { return (state.word.load(std::memory_order_acquire) & sync::kWaiters) != 0; });
}

inline void await_waiter(const Event& event) {
  const sync::EventState& state = state_of<sync::EventState>(event);
  await([&] { return (state.word.load(std::memory_order_acquire) & sync::kSleepers) != 0; });
}

/// Sleeping threads of the family that noted this handle's word (shm/watch.hpp).
template <class Handle>
int sleepers_on(const Handle& handle) {
  const shm::Offset word = shm::arena().offset_of(&state_of<sync::LockState>(handle).word);
  int sleepers = 0;
  const auto slots = shm::arena().header().slots_used.load(std::memory_order_acquire);
  for (std::uint32_t slot = 0; slot < slots; ++slot) {
    for (const shm::SleepNote& note : shm::slot_at(slot).notes) {
      if (note.word.load(std::memory_order_acquire) == word) ++sleepers;
    }
  }
  return sleepers;
}

}  // namespace multiprocessing::test
