#pragma once

// The threads of numerical libraries in workers: together as many as there are processors.

#include <cstdint>

namespace multiprocessing::pool {

/// In the keeper, before it has workers: OMP_NUM_THREADS and its like, unless the user has set
/// them.
void share_processors(std::uint32_t workers) noexcept;

/// In a worker: tells libraries that have read their variables before the fork.
void tell_libraries() noexcept;

/// Which variables share_processors has set, a bit for each.
[[nodiscard]] std::uint32_t chosen_variables() noexcept;

/// In a worker that was not forked from its keeper: which the keeper had set.
void take_choice(std::uint32_t chosen) noexcept;

}  // namespace multiprocessing::pool
