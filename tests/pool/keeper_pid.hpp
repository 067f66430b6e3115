#pragma once

// Who keeps a pool, for tests that kill it.

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "shm/arena.hpp"
#include "shm/process_table.hpp"

namespace multiprocessing::test {

/// The keeper of the only pool of this process; 0: there is none.
inline pid_t keeper_pid() {
  const std::uint64_t me = shm::pack_name(shm::self());
  const auto used = static_cast<std::uint32_t>(shm::arena().header().slots_used.load());
  for (std::uint32_t i = 0; i < used; ++i) {
    const shm::Slot& slot = shm::slot_at(i);
    const bool live = (slot.state.load() & 3U) == 1U;
    if (live && slot.parent.load() == me && std::string(slot.title) == "PoolKeeper") {
      return static_cast<pid_t>(slot.pid.load());
    }
  }
  return 0;
}

}  // namespace multiprocessing::test
