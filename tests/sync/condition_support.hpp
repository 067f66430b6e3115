#pragma once

// Looks inside a condition, so that a test can wait until somebody waits.

#include <cstdint>

#include "sync/condition_state.hpp"
#include "sync/lock_support.hpp"

namespace multiprocessing::test {

/// Threads that have a cell and are not notified, be they alive or dead.
inline int waiters_of(const Condition& condition) {
  int waiters = 0;
  (void)sync::any_cell(state_of<sync::ConditionState>(condition),
                       [&](const sync::Cell& cell, std::uint64_t /*index*/) {
                         const sync::CellWord word = cell.load(std::memory_order_acquire);
                         if (word != sync::kFreeCell && !sync::is_notified(word)) ++waiters;
                         return false;
                       });
  return waiters;
}

/// Cells that are not free.
inline int cells_in_use(const Condition& condition) {
  int used = 0;
  (void)sync::any_cell(state_of<sync::ConditionState>(condition),
                       [&](const sync::Cell& cell, std::uint64_t /*index*/) {
                         if (cell.load(std::memory_order_acquire) != sync::kFreeCell) ++used;
                         return false;
                       });
  return used;
}

/// Acquires the condition's lock, be it from a dead one.
inline void acquire_from_anybody(const Condition& condition) {
  try {
    condition.acquire();
  } catch (const LockOwnerDied&) {
    acquire_from_anybody(condition);
  }
}

}  // namespace multiprocessing::test
