#pragma once

// What this room lays into the arena, for its layout id (shm/layout.hpp).

#include "shm/layout.hpp"
#include "sync/barrier_state.hpp"
#include "sync/condition_state.hpp"
#include "sync/event_state.hpp"
#include "sync/lock_state.hpp"
#include "sync/lock_word.hpp"
#include "sync/semaphore_state.hpp"

namespace multiprocessing::sync {

inline constexpr std::uint64_t kLayout = []() consteval {
  return shm::Layout("sync", 1)
      .structure(MULTIPROCESSING_STRUCTURE(LockState, word, inner, owner_pid, told, recovery, spins,
                                           local, reserved))
      .structure(
          MULTIPROCESSING_STRUCTURE(SemaphoreState, word, limit, spins, reserved0, reserved1))
      .structure(
          MULTIPROCESSING_STRUCTURE(BarrierState, word, parties, spins, timeout, action, reserved))
      .structure(MULTIPROCESSING_STRUCTURE(EventState, word, spins, reserved0, reserved1))
      .structure(MULTIPROCESSING_STRUCTURE(ConditionState, lock_hold, lock_id, recursive, turn,
                                           reserved, first))
      .structure(MULTIPROCESSING_STRUCTURE(CellPage, next, cells))
      .number(held_by({1, 2}))
      .number(pack_inner(1, 2))
      .number(waiting({held_by({1, 2}), 3}))
      .number(kNotified | kFinal)
      .number(next_phase(kBroken | kOneArrived, Outcome::released))
      .number(kOnePermit | kSemaphoreSleepers)
      .number(kOneSet | kSet | kSleepers)
      .value();
}();

}  // namespace multiprocessing::sync
