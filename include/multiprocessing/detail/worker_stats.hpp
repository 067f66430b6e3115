#pragma once

/// \file multiprocessing/detail/worker_stats.hpp
/// What Pool::stats and ThreadPool::stats return, which is public.

#include <chrono>
#include <cstdint>

namespace multiprocessing {

/// What one worker of a Pool or ThreadPool has been doing.
struct WorkerStats {
  int pid = 0;                       // of a thread, its native_id; 0: there is none just now
  std::uint64_t tasks = 0;           // done at its place, chunks of maps counted as one
  std::chrono::nanoseconds busy{0};  // of the present process or thread
  std::chrono::nanoseconds idle{0};
  std::uint64_t restarts = 0;  // processes or threads that have had its place before
};

}  // namespace multiprocessing
