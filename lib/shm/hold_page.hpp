#pragma once

// One page of a process's list of holds, as it lies in the arena.

#include <atomic>
#include <cstdint>

#include "shm/block.hpp"

namespace multiprocessing::shm {

inline constexpr std::uint32_t kPerPage = 511;

struct HoldPage {
  Location next;
  std::atomic<std::uint64_t> entries[kPerPage];
};
static_assert(sizeof(HoldPage) == 4096);

}  // namespace multiprocessing::shm
