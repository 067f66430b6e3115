#pragma once

/// \file multiprocessing/detail/thread_engine.hpp
/// Threads that do tasks: below ThreadPoolExecutor and ThreadPool.
///
///   sharing   belongs to a process; a forked child's copy does nothing
///   threads   every function may be called concurrently
///   death     with the process

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <multiprocessing/detail/export.hpp>
#include <multiprocessing/detail/local_task.hpp>
#include <multiprocessing/detail/worker_stats.hpp>

namespace multiprocessing::executor {
class ThreadEngine;  // lib/executor/thread_engine.hpp
}  // namespace multiprocessing::executor

namespace multiprocessing::detail {

struct ThreadEngineOptions {
  int threads = 1;                      // at the most, made as they are wanted
  bool at_once = false;                 // all of them
  std::string prefix;                   // of their names: a number is added
  std::function<void()> initializer{};  // called first in each
  std::function<void()> finalizer{};    // called last in each that ends in order
};

using Threads = std::shared_ptr<executor::ThreadEngine>;

/// \throws ValueError for fewer than one thread
MULTIPROCESSING_API Threads make_threads(ThreadEngineOptions options);
/// \throws ValueError after the shutdown, BrokenThreadPool if an initializer has failed
MULTIPROCESSING_API void post_task(executor::ThreadEngine& threads, std::shared_ptr<LocalTask> task,
                                   int priority);
/// No more tasks are taken. `cancel`: those that have not begun are cancelled; `wait`: until all
/// have ended and the threads with them.
MULTIPROCESSING_API void shut_down(executor::ThreadEngine& threads, bool wait, bool cancel);
/// Tasks that run find stop_requested().
MULTIPROCESSING_API void ask_to_stop(executor::ThreadEngine& threads) noexcept;
/// From now on there are so many of those that are made at once; those that are too many end after
/// what they are doing. Joins those that an earlier call has ended.
/// \throws ValueError for fewer than one or after the shutdown, std::system_error: there are fewer
MULTIPROCESSING_API void resize_threads(executor::ThreadEngine& threads, int count);
/// What those that are made at once have been doing, by their number.
MULTIPROCESSING_API std::vector<WorkerStats> thread_stats(executor::ThreadEngine& threads);
/// In a thread of these: that has been called.
MULTIPROCESSING_API bool current_threads_stop() noexcept;
MULTIPROCESSING_API std::size_t thread_count(const executor::ThreadEngine& threads) noexcept;

/// In a thread of these: its number, from 0; -1 elsewhere.
MULTIPROCESSING_API int current_thread_index() noexcept;
MULTIPROCESSING_API int current_thread_count() noexcept;

}  // namespace multiprocessing::detail
