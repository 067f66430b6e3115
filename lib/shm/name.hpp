#pragma once

// Who owns a claim: a slot of the process table and the slot's generation, never a bare pid.
//
// A full name is 63 bits (slot 16, generation 47). Words with less room keep the generation's low
// bits: 12 in a block's word, 46 in a holder. A wrapped generation cannot meet a stale name there,
// because a slot is reused only after its sweep, and the sweep clears the slot's name from every
// such word (the journal lists them; protocols: Block, Holder).

#include <cstdint>

namespace multiprocessing::shm {

inline constexpr std::uint32_t kSlotBits = 16;
inline constexpr std::uint32_t kMaxSlots = 65535;
inline constexpr std::uint32_t kNoSlot = 0xFFFF;
inline constexpr std::uint32_t kGenerationBits = 47;
inline constexpr std::uint64_t kGenerationMask = (std::uint64_t{1} << kGenerationBits) - 1;

/// One incarnation of a slot of the process table. Generation 0 is never live: it means nobody.
struct Name {
  std::uint32_t slot = kNoSlot;
  std::uint64_t generation = 0;

  [[nodiscard]] bool nobody() const noexcept { return generation == 0; }
  friend bool operator==(const Name&, const Name&) = default;
};

}  // namespace multiprocessing::shm
