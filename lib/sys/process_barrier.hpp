#pragma once

/// \file sys/process_barrier.hpp
/// A memory barrier that one process executes on behalf of others, so that they need none.
///
///   sharing   reaches every process of the machine that has registered
///   threads   both functions may be called concurrently
///   death     nothing: the kernel forgets a process that has ended

namespace multiprocessing::sys {

/// From now on barriers of others reach this process, and what it forks. False: not to be had.
[[nodiscard]] bool register_process_barrier() noexcept;

/// A full barrier in the caller and in every running thread of each registered process. False if
/// the kernel refuses.
[[nodiscard]] bool process_barrier() noexcept;

}  // namespace multiprocessing::sys
