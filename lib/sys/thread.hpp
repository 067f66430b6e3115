#pragma once

/// \file sys/thread.hpp
/// Threads of this process.
///
///   threads   every function may be called concurrently
///   death     a thread ends with its process; in a forked child only the one that forked is left,
///             and the others must be neither joined nor asked about there

#include <pthread.h>
#include <sys/types.h>

#include <string>

namespace multiprocessing::sys {

/// Starts a thread that somebody must join, or that runs until the process ends.
/// \throws std::system_error naming pthread_create (EAGAIN).
[[nodiscard]] pthread_t start_thread(void* (*body)(void* argument), void* argument);

/// Blocks until the thread is gone, its thread_local objects included.
void join_thread(pthread_t thread) noexcept;

/// It ends by itself; nobody joins it.
void let_thread_go(pthread_t thread) noexcept;

/// A thread of the library's own, whose locks a fork leaves usable, has begun (+1) or ended (-1).
/// It does not count as one of the program's in `has_other_threads`, nor does a forked child know
/// it.
void count_service_thread(int change) noexcept;
[[nodiscard]] int service_threads() noexcept;

/// The kernel's number of the calling thread.
[[nodiscard]] pid_t current_thread_id() noexcept;

/// Shows the first 15 bytes of `name` as the name of a living thread. Best effort.
void name_thread(pthread_t thread, const std::string& name) noexcept;

/// Names the calling thread, of which this room knows nothing else: the kernel as above, and
/// `own_name()` the whole.
void name_this_thread(const std::string& name);
/// What the calling thread has named itself; empty: nothing.
[[nodiscard]] const std::string& own_name() noexcept;

}  // namespace multiprocessing::sys
