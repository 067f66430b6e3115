#pragma once

/// \file multiprocessing/detail/bell.hpp
/// The bell of this process: rings when one of the many things has happened that somebody here may
/// wait for at once, a task of any pool or executor.
///
///   sharing   one word in shared memory for each process that waits; workers ring their owner's
///   threads   every function may be called concurrently
///   ordering  what happened before a ring is visible to `ended` when it is asked after it
///   death     who would have rung has died: the family's watch wakes the sleeper

#include <cstdint>

#include <multiprocessing/detail/export.hpp>

namespace multiprocessing::detail {

/// Something has happened here. The caller has published it by a seq_cst step.
MULTIPROCESSING_API void ring_bell() noexcept;

/// Blocks until `ended(argument)` is true, which is asked now and whenever the bell has rung.
/// While `*silent` is true, which `ended` may change, it is asked every millisecond as well:
/// somebody may do what is waited for who does not ring here. False: the deadline came first.
/// \throws what `ended` throws, KeyboardInterrupt
MULTIPROCESSING_API bool wait_for_bell(bool (*ended)(void*), void* argument, std::int64_t deadline,
                                       const bool* silent = nullptr);

}  // namespace multiprocessing::detail
