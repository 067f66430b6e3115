#pragma once

/// \file multiprocessing/pool.hpp
/// Worker processes that call functions on many values. Mirrors `multiprocessing.Pool`.
///
///   sharing   a Pool belongs to the process that made it; a copy that a forked child has is inert.
///             Functions, arguments and results are transferable: handles too, also of queues made
///             after the Pool
///   threads   every member may be called concurrently by the owner's threads
///   ordering  what happened before a task was submitted is visible in it; what it wrote is visible
///             once its result is
///   death     a worker that dies fails the task it was running with WorkerDied and is replaced;
///   all
///             other tasks complete. Workers end with the owner, however that ends
///
/// \code
///   int square(int x) { return x * x; }
///
///   mp::Pool pool(4);
///   std::vector<int> squares = pool.map(square, mp::range(10));
///   auto result = pool.apply_async(square, 7);
///   std::cout << result.get(1s);
/// \endcode

#include <multiprocessing/detail/transferable.hpp>  // first: fewer lines in the compiler's messages

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <ranges>
#include <type_traits>
#include <utility>
#include <vector>

#include <multiprocessing/detail/async_result.hpp>
#include <multiprocessing/detail/imap.hpp>
#include <multiprocessing/detail/pool_core.hpp>
#include <multiprocessing/detail/pool_map.hpp>
#include <multiprocessing/detail/pool_methods.hpp>
#include <multiprocessing/detail/pool_options.hpp>
#include <multiprocessing/detail/thread_engine.hpp>
#include <multiprocessing/detail/thread_map.hpp>
#include <multiprocessing/detail/thread_stream.hpp>
#include <multiprocessing/detail/vocabulary.hpp>
#include <multiprocessing/detail/worker_info.hpp>
#include <multiprocessing/detail/worker_stats.hpp>
#include <multiprocessing/process.hpp>

namespace multiprocessing {

class Pool : public detail::PoolMethods<Pool> {
 public:
  static constexpr bool kSends = true;  // tasks go to other processes

  /// Starts the workers. \throws ValueError for fewer than one process, ArenaExhausted,
  /// std::system_error
  explicit Pool(int processes = cpu_count()) : Pool(PoolOptions{.processes = processes}) {}
  explicit Pool(PoolOptions options) : core_(detail::make_pool(std::move(options))) {}

  Pool(Pool&&) noexcept = default;
  Pool& operator=(Pool&& other) noexcept {
    std::swap(core_, other.core_);
    return *this;
  }

  /// Terminates, as Python's `with` does: what has not ended is dropped. Bounded by the grace
  /// period that workers get between SIGTERM and SIGKILL. Nothing in a forked child.
  ~Pool() {
    if (core_) detail::end_pool(*core_);
  }

  /// No more work is taken; workers end when what there is has been done. The input of an imap that
  /// goes on is still read.
  void close() { detail::close_pool(*core()); }

  /// Ends the workers at once; results that are not there yet are CancelledError.
  void terminate() { detail::terminate_pool(*core()); }

  /// Waits until the workers have ended and all callbacks have returned; what an imap has not read
  /// of its input is read and done. \throws ValueError before close or terminate.
  void join() { detail::join_pool(*core()); }

  /// From now on there are so many workers. Those that are too many end after what they are doing.
  /// \throws ValueError for fewer than one, or far more than at the start
  void resize(int processes) { detail::resize_pool(*core(), processes); }

  /// What each worker has been doing, by worker_index().
  [[nodiscard]] std::vector<WorkerStats> stats() const { return detail::pool_stats(*core()); }

 private:
  friend class detail::PoolMethods<Pool>;

  [[nodiscard]] const detail::PoolCore& core() const {
    if (!core_) throw ValueError("this Pool was moved from");
    return core_;
  }

  template <class F, class... Args>
  AsyncResult<detail::task_result_t<F, Args...>> start_call(const TaskOptions* options, F&& f,
                                                            Args&&... args) {
    if constexpr (detail::is_task_v<F, Args...>) {
      return AsyncResult<detail::task_result_t<F, Args...>>(
          detail::submit_call(core(), options, std::forward<F>(f), std::forward<Args>(args)...));
    } else {
      std::terminate();
    }
  }

  template <bool kStar, class F, class Range>
  auto start_map(F&& f, Range& range, std::int64_t chunksize) {
    using D = std::decay_t<F>;
    using Check = detail::ItemCheck<D, detail::item_t<Range>, kStar>;
    if constexpr (Check::kOk) {
      const D& function = f;
      return detail::submit_map<kStar>(core(), function, range, chunksize);
    } else {
      return AsyncResult<typename detail::RefusedMap<typename Check::Result>::type>(nullptr);
    }
  }

  template <bool kOrdered, class F, class Range>
  auto start_stream(F&& f, Range&& range, std::int64_t chunksize) {
    using D = std::decay_t<F>;
    using View = detail::kept_range_t<Range>;
    using Check = detail::ItemCheck<D, detail::item_t<View>, false>;
    if constexpr (Check::kOk) {
      return detail::ItemStream<D, View, kOrdered>(
          core(), std::forward<F>(f), detail::kept_range(std::forward<Range>(range)), chunksize);
    } else {
      return std::ranges::empty_view<std::monostate>{};
    }
  }

  detail::PoolCore core_;
};

/// The same on threads of this process: any callable, any values. A thread cannot be ended, so
/// terminate() drops what has not begun and asks the rest to stop (stop_requested()).
class ThreadPool : public detail::PoolMethods<ThreadPool> {
 public:
  static constexpr bool kSends = false;  // tasks stay in this process

  /// \throws ValueError for fewer than one thread
  explicit ThreadPool(int processes = cpu_count(), std::function<void()> initializer = {})
      : threads_(detail::make_threads({processes, true, "ThreadPool", std::move(initializer)})) {}
  /// Of the options those that threads can have: `processes`, `initializer`, `finalizer` and
  /// `worker.name`, which the threads' names begin with.
  /// \throws ValueError for any other that is set, naming it
  explicit ThreadPool(PoolOptions options)
      : threads_(detail::make_threads(detail::thread_options(std::move(options)))) {}

  ThreadPool(ThreadPool&&) noexcept = default;
  ThreadPool& operator=(ThreadPool&& other) noexcept {
    std::swap(threads_, other.threads_);
    return *this;
  }
  /// Terminates, and waits for what runs.
  ~ThreadPool() {
    if (!threads_) return;
    detail::ask_to_stop(*threads_);
    detail::shut_down(*threads_, true, true);
  }

  void close() {
    detail::shut_down(*threads(), false, false);
    closed_ = true;
  }
  void terminate() {
    detail::ask_to_stop(*threads());
    detail::shut_down(*threads(), false, true);
    closed_ = true;
  }
  /// \throws ValueError before close or terminate.
  void join() {
    if (!closed_)
      throw ValueError("Pool is still running: close() or terminate() comes before join()");
    detail::shut_down(*threads(), true, false);
  }

  /// From now on there are so many threads. Those that are too many end after what they are doing.
  /// \throws ValueError for fewer than one, or after close; std::system_error: there are fewer
  void resize(int processes) { detail::resize_threads(*threads(), processes); }

  /// What each thread has been doing, by worker_index().
  [[nodiscard]] std::vector<WorkerStats> stats() const { return detail::thread_stats(*threads()); }

 private:
  friend class detail::PoolMethods<ThreadPool>;

  [[nodiscard]] const detail::Threads& threads() const {
    if (!threads_) throw ValueError("this ThreadPool was moved from");
    return threads_;
  }

  template <class F, class... Args>
  AsyncResult<detail::call_result_t<F, Args...>> start_call(const TaskOptions* options, F&& f,
                                                            Args&&... args) {
    auto call = detail::make_call(options, std::forward<F>(f), std::forward<Args>(args)...);
    detail::post_task(*threads(), call, options == nullptr ? 0 : options->priority);
    return AsyncResult<detail::call_result_t<F, Args...>>(std::move(call));
  }
  template <bool kStar, class F, class Range>
  auto start_map(F&& f, Range& range, std::int64_t chunksize) {
    const std::decay_t<F>& function = f;
    return AsyncResult(detail::map_on_threads<kStar>(threads(), function, range, chunksize));
  }
  template <bool kOrdered, class F, class Range>
  auto start_stream(F&& f, Range&& range, std::int64_t chunksize) {
    return detail::ThreadStream<std::decay_t<F>, detail::kept_range_t<Range>, kOrdered>(
        threads(), std::forward<F>(f), detail::kept_range(std::forward<Range>(range)), chunksize);
  }

  detail::Threads threads_;
  bool closed_ = false;
};

}  // namespace multiprocessing
