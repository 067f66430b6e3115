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

#include <cstddef>
#include <cstdint>
#include <exception>
#include <initializer_list>
#include <ranges>
#include <type_traits>
#include <utility>
#include <vector>

#include <multiprocessing/detail/async_result.hpp>
#include <multiprocessing/detail/export.hpp>
#include <multiprocessing/detail/function.hpp>
#include <multiprocessing/detail/imap.hpp>
#include <multiprocessing/detail/pool_core.hpp>
#include <multiprocessing/detail/pool_map.hpp>
#include <multiprocessing/detail/pool_options.hpp>
#include <multiprocessing/detail/range.hpp>
#include <multiprocessing/detail/worker_info.hpp>
#include <multiprocessing/errors.hpp>
#include <multiprocessing/process.hpp>

namespace multiprocessing {

class Pool {
 public:
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

  /// Calls `f(args...)` in a worker and waits for the result.
  /// \throws what it throws; WorkerDied, TaskTimeout; ValueError after close
  template <class F, class... Args>
  auto apply(F&& f, Args&&... args) {
    return apply_async(std::forward<F>(f), std::forward<Args>(args)...).get();
  }

  /// Has `f(args...)` called in a worker.
  template <class F, class... Args>
  [[nodiscard]] AsyncResult<detail::task_result_t<F, Args...>> apply_async(F&& f, Args&&... args) {
    detail::require_callable<F, Args...>();
    if constexpr (detail::is_task_v<F, Args...>) {
      return AsyncResult<detail::task_result_t<F, Args...>>(
          detail::submit_call(core(), nullptr, std::forward<F>(f), std::forward<Args>(args)...));
    } else {
      std::terminate();
    }
  }

  /// `f` of each element, in their order: a vector, or nothing if `f` returns nothing. Elements are
  /// sent in chunks; 0: of a size that makes four for each worker. Waits for all of them, then
  /// throws the first failure in the order of the elements.
  template <class F, std::ranges::input_range Range>
  auto map(F&& f, Range&& range, std::int64_t chunksize = 0) {
    return map_async(std::forward<F>(f), std::forward<Range>(range), chunksize).get();
  }
  template <class F, class T>
  auto map(F&& f, std::initializer_list<T> list, std::int64_t chunksize = 0) {
    return map_async(std::forward<F>(f), list, chunksize).get();
  }

  /// The same, without waiting: AsyncResult<std::vector<R>>, or AsyncResult<void>.
  template <class F, std::ranges::input_range Range>
  [[nodiscard]] auto map_async(F&& f, Range&& range, std::int64_t chunksize = 0) {
    return submit<false>(std::forward<F>(f), range, chunksize);
  }
  template <class F, class T>
  [[nodiscard]] auto map_async(F&& f, std::initializer_list<T> list, std::int64_t chunksize = 0) {
    return submit<false>(std::forward<F>(f), list, chunksize);
  }

  /// As map, for a range of tuples or pairs, whose fields are the arguments.
  template <class F, std::ranges::input_range Range>
  auto starmap(F&& f, Range&& range, std::int64_t chunksize = 0) {
    return starmap_async(std::forward<F>(f), std::forward<Range>(range), chunksize).get();
  }
  template <class F, class T>
  auto starmap(F&& f, std::initializer_list<T> list, std::int64_t chunksize = 0) {
    return starmap_async(std::forward<F>(f), list, chunksize).get();
  }
  template <class F, std::ranges::input_range Range>
  [[nodiscard]] auto starmap_async(F&& f, Range&& range, std::int64_t chunksize = 0) {
    return submit<true>(std::forward<F>(f), range, chunksize);
  }
  template <class F, class T>
  [[nodiscard]] auto starmap_async(F&& f, std::initializer_list<T> list,
                                   std::int64_t chunksize = 0) {
    return submit<true>(std::forward<F>(f), list, chunksize);
  }

  /// A range of the results in order, each as soon as it is there. The input is read by the thread
  /// that reads the results, four chunks a worker ahead; an lvalue must outlive the reading. Beside
  /// begin() and end() it has `next(Timeout)`, which returns nullopt at the end. Results of a
  /// function that returns nothing are std::monostate.
  template <class F, std::ranges::input_range Range>
  [[nodiscard]] auto imap(F&& f, Range&& range, std::int64_t chunksize = 1) & {
    return stream<true>(std::forward<F>(f), std::forward<Range>(range), chunksize);
  }
  template <class F, class Range>
  void imap(F&& f, Range&& range, std::int64_t chunksize = 1) && = delete;  // name the Pool

  /// The same in the order in which they come.
  template <class F, std::ranges::input_range Range>
  [[nodiscard]] auto imap_unordered(F&& f, Range&& range, std::int64_t chunksize = 1) & {
    return stream<false>(std::forward<F>(f), std::forward<Range>(range), chunksize);
  }
  template <class F, class Range>
  void imap_unordered(F&& f, Range&& range, std::int64_t chunksize = 1) && = delete;

  /// No more work is taken; workers end when what there is has been done.
  void close() { detail::close_pool(*core()); }

  /// Ends the workers at once; results that are not there yet are CancelledError.
  void terminate() { detail::terminate_pool(*core()); }

  /// Waits until the workers have ended. \throws ValueError before close or terminate.
  void join() { detail::join_pool(*core()); }

 private:
  [[nodiscard]] const detail::PoolCore& core() const {
    if (!core_) throw ValueError("this Pool was moved from");
    return core_;
  }

  template <bool kStar, class F, class Range>
  auto submit(F&& f, Range& range, std::int64_t chunksize) {
    using D = std::decay_t<F>;
    using Check = detail::ItemCheck<D, detail::item_t<Range>, kStar>;
    Check::require();
    if constexpr (Check::kOk) {
      const D& function = f;
      return detail::submit_map<kStar>(core(), function, range, chunksize);
    } else {
      return AsyncResult<void>(nullptr);
    }
  }

  template <bool kOrdered, class F, class Range>
  auto stream(F&& f, Range&& range, std::int64_t chunksize) {
    using D = std::decay_t<F>;
    using View = std::views::all_t<Range>;
    using Check = detail::ItemCheck<D, detail::item_t<View>, false>;
    Check::require();
    if constexpr (Check::kOk) {
      return detail::ItemStream<D, View, kOrdered>(
          core(), std::forward<F>(f), std::views::all(std::forward<Range>(range)), chunksize);
    } else {
      return std::ranges::empty_view<int>{};
    }
  }

  detail::PoolCore core_;
};

}  // namespace multiprocessing
