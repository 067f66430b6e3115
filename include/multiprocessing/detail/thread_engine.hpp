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

#include <multiprocessing/detail/export.hpp>
#include <multiprocessing/detail/local_task.hpp>

namespace multiprocessing::executor {
class ThreadEngine;  // lib/executor/thread_engine.hpp
}  // namespace multiprocessing::executor

namespace multiprocessing::detail {

struct ThreadEngineOptions {
  int threads = 1;                      // at the most, made as they are wanted
  bool at_once = false;                 // all of them
  std::string prefix;                   // of their names: a number is added
  std::function<void()> initializer{};  // called first in each
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
/// In a thread of these: that has been called.
MULTIPROCESSING_API bool current_threads_stop() noexcept;
MULTIPROCESSING_API std::size_t thread_count(const executor::ThreadEngine& threads) noexcept;

/// In a thread of these: its number, from 0; -1 elsewhere.
MULTIPROCESSING_API int current_thread_index() noexcept;
MULTIPROCESSING_API int current_thread_count() noexcept;

}  // namespace multiprocessing::detail
