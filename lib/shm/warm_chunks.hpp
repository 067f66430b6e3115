#pragma once

// How many free chunks keep their memory, for the next one who needs a chunk.
//
//   sharing   a hint in the arena's header, and each process's own count since
//   threads   under local().chunks
//   death     leaves a hint that is wrong until the next count

#include <cstdint>

namespace multiprocessing::shm {

/// Goes through the words of all chunks.
void count_warm() noexcept;

/// Whether there may be `more` warm chunks, which the caller frees: at most an eighth of the limit
/// too many for each process that frees.
bool keeps_warm(std::uint64_t more) noexcept;

}  // namespace multiprocessing::shm
