#pragma once

// How one task is to be treated, if it differs from the others of its pool.
//
//   sharing   written before the task is queued, read by its worker and the keeper; `since` by the
//             claimer only
//   death     cell.hpp

#include <cstddef>
#include <cstdint>

#include <multiprocessing/detail/task_options.hpp>

#include "pool/cell.hpp"
#include "pool/state.hpp"
#include "sys/clock.hpp"

namespace multiprocessing::pool {

inline constexpr std::uint32_t kHasTerms = 1;  // in Cell::flags: they stand before the arguments

/// Those of a task, or those of its pool.
detail::Terms terms_of(const Cell& cell, const PoolState& state) noexcept;

/// The first byte of what the trampoline reads.
[[nodiscard]] inline std::size_t terms_size(const Cell& cell) noexcept {
  return (cell.flags & kHasTerms) != 0 ? sizeof(detail::Terms) : 0;
}

/// True if a task that has been tried `attempts` times may be tried again now.
[[nodiscard]] bool may_try_again(const Cell& cell, const detail::Terms& terms,
                                 std::uint64_t attempts) noexcept;

/// How long to wait before the attempt after `attempts`.
[[nodiscard]] sys::Nanoseconds delay_of(const detail::Terms& terms,
                                        std::uint64_t attempts) noexcept;

/// When an attempt that begins now has to be over; INT64_MAX: no limit.
[[nodiscard]] sys::Nanoseconds limit_of(const detail::Terms& terms) noexcept;

}  // namespace multiprocessing::pool
