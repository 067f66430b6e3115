#pragma once

// The state word of a slot: bits 0..1 state, 2..17 the sweeper's slot, 18..63 the generation.
//
// The sweeper is named by its slot alone: a dead sweeper's slot is swept before it is reused, and
// that sweep takes over every `reaping` which names it.

#include <cstdint>

#include "shm/process_table.hpp"

namespace multiprocessing::shm {

constexpr std::uint64_t pack_state(SlotState state, std::uint32_t sweeper,
                                   std::uint64_t generation) noexcept {
  return static_cast<std::uint64_t>(state) | std::uint64_t{sweeper} << 2U | generation << 18U;
}
constexpr SlotState state_of(std::uint64_t word) noexcept {
  return static_cast<SlotState>(word & 3U);
}
constexpr std::uint32_t sweeper_of(std::uint64_t word) noexcept {
  return static_cast<std::uint32_t>((word >> 2U) & 0xFFFFU);
}
constexpr std::uint64_t generation_of(std::uint64_t word) noexcept {
  return word >> 18U;
}

}  // namespace multiprocessing::shm
