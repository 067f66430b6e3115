#pragma once

/// \file multiprocessing/futures.hpp
/// Executors and their futures. Mirrors `concurrent.futures`.
///
///   sharing   an executor belongs to the process that made it; a Future is a handle
///   threads   every member may be called concurrently
///   ordering  what happened before a submit is visible in the task; what it wrote is visible once
///             its future is seen to be done
///   death     a worker process that dies fails the task it was running with WorkerDied and is
///             replaced; all other tasks complete
///
/// \code
///   mp::ProcessPoolExecutor executor(4);
///   mp::Future<int> future = executor.submit(square, 7);
///   for (int x : executor.map(square, mp::range(10))) std::cout << x << ' ';
///   for (auto f : mp::as_completed(std::vector{future})) std::cout << f.result();
/// \endcode

#include <multiprocessing/detail/transferable.hpp>  // first: fewer lines in the compiler's messages

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include <multiprocessing/detail/executor.hpp>
#include <multiprocessing/detail/executor_map.hpp>
#include <multiprocessing/detail/export.hpp>
#include <multiprocessing/detail/future.hpp>
#include <multiprocessing/detail/future_wait.hpp>
#include <multiprocessing/detail/outcomes.hpp>
#include <multiprocessing/detail/pool_core.hpp>
#include <multiprocessing/detail/process_options.hpp>
#include <multiprocessing/detail/task_options.hpp>
#include <multiprocessing/detail/thread_engine.hpp>
#include <multiprocessing/detail/vocabulary.hpp>
#include <multiprocessing/detail/worker_info.hpp>
#include <multiprocessing/process.hpp>

namespace multiprocessing {

struct ThreadPoolExecutorOptions {
  std::string thread_name_prefix{};     // empty: ThreadPoolExecutor-N
  std::function<void()> initializer{};  // called first in each thread
  std::size_t max_pending = 0;          // tasks that are out before submit blocks; 0: no bound
};

/// Threads of this process, made as they are wanted. It takes any callable.
class MULTIPROCESSING_API ThreadPoolExecutor final : public Executor {
 public:
  /// By default as many as CPython: four more than processors, at most 32.
  /// \throws ValueError for fewer than one thread
  ThreadPoolExecutor() : ThreadPoolExecutor(default_workers()) {}
  explicit ThreadPoolExecutor(int max_workers, ThreadPoolExecutorOptions options = {});
  explicit ThreadPoolExecutor(ThreadPoolExecutorOptions options)
      : ThreadPoolExecutor(default_workers(), std::move(options)) {}

  /// Waits for all tasks, as Python's `with` does. While an exception unwinds, or at the program's
  /// end, those that have not begun are cancelled first, and those that run are asked to stop.
  ~ThreadPoolExecutor() override;

  void shutdown(bool wait = true, bool cancel_futures = false) override;
  [[nodiscard]] std::size_t worker_limit() const noexcept override;

 private:
  static int default_workers();
  void post(std::shared_ptr<detail::LocalTask> task, int priority) override;

  detail::Threads threads_;
};

struct ProcessPoolExecutorOptions {
  std::optional<StartMethod> method{};  // empty: the default one
  Function<void()> initializer{};       // called first in each worker
  int max_tasks_per_child = 0;          // in a worker's life; 0: no bound
  Timeout task_timeout{};               // for each task
  std::optional<Retry> retry{};         // of tasks whose worker died or that overran
  std::size_t max_pending = 0;          // tasks that are out before submit blocks; 0: no bound
  ProcessOptions worker{};              // name (a number is added), directory, environment, limits
};

/// Worker processes. It takes transferable callables and arguments. A SystemExit that a task throws
/// is thrown by its future, as CPython has it; std::exit ends the worker.
class MULTIPROCESSING_API ProcessPoolExecutor final
    : public Executor,
      public detail::MapMethods<ProcessPoolExecutor> {
 public:
  static constexpr bool kSends = true;  // tasks go to other processes
  using detail::MapMethods<ProcessPoolExecutor>::map;

  /// \throws ValueError for fewer than one worker, ArenaExhausted, std::system_error
  ProcessPoolExecutor() : ProcessPoolExecutor(cpu_count()) {}
  explicit ProcessPoolExecutor(int max_workers, ProcessPoolExecutorOptions options = {});
  explicit ProcessPoolExecutor(ProcessPoolExecutorOptions options)
      : ProcessPoolExecutor(cpu_count(), std::move(options)) {}

  /// Waits for all tasks, as Python's `with` does. While an exception unwinds, or at the program's
  /// end, it ends them within the grace period that workers get between SIGTERM and SIGKILL.
  ~ProcessPoolExecutor() override;

  template <class F = TaskOptions, class... Args>  // F = TaskOptions: for one in braces
  detail::submitted_t<F, Args...> submit(F&& f,    // an overloaded name: wrap it in a lambda
                                         Args&&... args) {
    using Check = detail::SubmitCheck<F, Args...>;
    detail::require_transferable<typename Check::Callable, typename Check::Why>();
    if constexpr (!std::is_void_v<typename Check::Why>) {
      detail::throw_not_transferable();  // the compiler has been stopped: no second message
    } else if constexpr (detail::kIsTaskOptions<F>) {
      return Executor::submit(with_retry(std::forward<F>(f)), std::forward<Args>(args)...);
    } else {
      return Executor::submit(with_retry({}), std::forward<F>(f), std::forward<Args>(args)...);
    }
  }

  void shutdown(bool wait = true, bool cancel_futures = false) override;
  [[nodiscard]] std::size_t worker_limit() const noexcept override;

  /// Ends the workers, by SIGTERM first. Tasks that run are BrokenProcessPool, those that have not
  /// begun are cancelled, and no more are taken. Does not wait. Nothing if it is broken.
  void terminate_workers();
  /// The same by SIGKILL, at once.
  void kill_workers();

 private:
  TaskOptions with_retry(TaskOptions options) const;
  [[nodiscard]] const detail::PoolCore* processes() override;
  void post(std::shared_ptr<detail::LocalTask> task, int priority) override;

  std::optional<Retry> retry_;
  detail::PoolCore core_;
};

/// Runs each task in `submit`, in the thread that calls it: for debugging, for one job, for systems
/// that refuse processes.
class MULTIPROCESSING_API SerialExecutor final : public Executor {
 public:
  SerialExecutor() noexcept = default;
  ~SerialExecutor() override = default;
  void shutdown(bool wait = true, bool cancel_futures = false) override;
  [[nodiscard]] std::size_t worker_limit() const noexcept override { return 1; }

 private:
  void post(std::shared_ptr<detail::LocalTask> task, int priority) override;

  bool closed_ = false;
};

}  // namespace multiprocessing
