#pragma once

// Semaphores and events of lib/sync in memory of this process: only its threads know them, and a
// forked child has a copy. What they say of death does not come up here.

#include "sync/event_state.hpp"
#include "sync/semaphore_state.hpp"

namespace multiprocessing::threads {

struct LocalSemaphore {
  LocalSemaphore(sync::SemaphoreWord value, sync::SemaphoreWord limit) {
    state.limit = limit;
    state.word.store(value * sync::kOnePermit, std::memory_order_relaxed);  // nobody has it yet
  }
  sync::SemaphoreState state;
};

struct LocalEvent {
  sync::EventState state;
};

}  // namespace multiprocessing::threads
