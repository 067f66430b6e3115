#pragma once

/// \file multiprocessing/detail/executor.hpp
/// Executor, which is public: what all executors have in common. Mirrors
/// `concurrent.futures.Executor`.
///
///   sharing   belongs to the process that made it
///   threads   every member may be called concurrently
///   ordering  what happened before a submit is visible in the task
///   death     of a worker process: that task fails with WorkerDied, the others complete

#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <ranges>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <multiprocessing/detail/executor_map.hpp>
#include <multiprocessing/detail/export.hpp>
#include <multiprocessing/detail/future.hpp>
#include <multiprocessing/detail/local_task.hpp>
#include <multiprocessing/detail/pool_map.hpp>
#include <multiprocessing/detail/task_options.hpp>

namespace multiprocessing {

namespace detail {

template <class F, class... Views>
class MapStream;

/// Bounds how many tasks are out: max_pending.
class MULTIPROCESSING_API Admission {
 public:
  explicit Admission(std::size_t most) noexcept : most_(most) {}
  [[nodiscard]] bool bounded() const noexcept { return most_ != 0; }
  /// Blocks until one more may be out. \throws KeyboardInterrupt
  void await();
  void add(std::shared_ptr<FutureBase> future);

 private:
  struct Look;
  std::size_t most_;
  std::mutex lock_;  // guards what follows
  std::deque<std::shared_ptr<FutureBase>> out_;
};

template <class F>
inline constexpr bool kIsTaskOptions = std::is_same_v<std::decay_t<F>, TaskOptions>;

/// What submit(f, args...) returns, where TaskOptions may come first.
template <class F, class... Args>
struct Submitted {
  using type = Future<call_result_t<F, Args...>>;
};
template <class F, class... Args>
  requires(!kTakesArgs<std::decay_t<F>, stored_t<Args>...>)
struct Submitted<F, Args...> {
  using type = Future<Refused>;
};
template <class Options, class F, class... Args>
  requires(kIsTaskOptions<Options>)
struct Submitted<Options, F, Args...> : Submitted<F, Args...> {};
template <class F, class... Args>
using submitted_t = typename Submitted<F, Args...>::type;

/// Why that task cannot be run in another process. See require_transferable.
template <class F, class... Args>
struct SubmitCheck {
  using Callable = F;
  using Why = why_not_task_t<F, Args...>;
};
template <class Options, class F, class... Args>
  requires(kIsTaskOptions<Options>)
struct SubmitCheck<Options, F, Args...> : SubmitCheck<F, Args...> {};

/// \throws TransferError: a concrete executor would not have compiled
[[noreturn]] MULTIPROCESSING_API void throw_not_transferable();

}  // namespace detail

class MULTIPROCESSING_API Executor : public detail::MapMethods<Executor> {
 public:
  static constexpr bool kSends = false;  // what it is, is seen when a task is submitted

  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;
  virtual ~Executor();

  /// Has `f(args...)` called. With TaskOptions first: `submit({.timeout = 3s}, f, args...)`.
  /// \throws ValueError after shutdown, BrokenExecutor; TransferError if the workers are processes
  /// and this cannot be sent to one
  template <class F = TaskOptions, class... Args>  // F = TaskOptions: for one in braces
  detail::submitted_t<F, Args...> submit(F&& f,    // an overloaded name: wrap it in a lambda
                                         Args&&... args) {
    constexpr bool kTaken =
        !std::is_same_v<detail::submitted_t<F, Args...>, Future<detail::Refused>>;
    static_assert(kTaken,
                  "this callable does not take these arguments: for an overloaded name, or a "
                  "default argument that is left out, wrap it in a lambda");
    if constexpr (!kTaken) {
      detail::throw_not_transferable();  // the compiler has been stopped: no second message
    } else if constexpr (detail::kIsTaskOptions<F>) {
      return submit_with(&f, std::forward<Args>(args)...);
    } else {
      return submit_with(nullptr, std::forward<F>(f), std::forward<Args>(args)...);
    }
  }

  /// Takes no more tasks. With `wait` it returns when all have ended; with `cancel_futures` those
  /// that have not begun are cancelled. May be called again.
  virtual void shutdown(bool wait = true, bool cancel_futures = false) = 0;

  /// How many tasks may run at a time.
  [[nodiscard]] virtual std::size_t worker_limit() const noexcept = 0;

 protected:
  explicit Executor(std::size_t max_pending = 0) noexcept : admission_(max_pending) {}

  /// Where its workers are processes: their pool. \throws ValueError after shutdown
  [[nodiscard]] virtual const detail::PoolCore* processes() { return nullptr; }
  /// Runs a task in this process.
  virtual void post(std::shared_ptr<detail::LocalTask> task, int priority) = 0;

  /// For destructors: true if this one may not wait for tasks, because an exception unwinds or the
  /// program is at its end.
  [[nodiscard]] bool hurried() const noexcept;

 private:
  template <class F, class... Views>
  friend class detail::MapStream;
  template <class Derived>
  friend class detail::MapMethods;

  template <class F, class... Args>
  Future<detail::call_result_t<F, Args...>> submit_with(const TaskOptions* options, F&& f,
                                                        Args&&... args) {
    using R = detail::call_result_t<F, Args...>;
    if (admission_.bounded()) admission_.await();
    std::shared_ptr<detail::FutureOf<R>> state;
    if (const detail::PoolCore* pool = processes()) {
      if constexpr (detail::is_task_v<F, Args...>) {
        state =
            detail::submit_call(*pool, options, std::forward<F>(f), std::forward<Args>(args)...);
      } else {
        detail::throw_not_transferable();
      }
    } else {
      auto call = detail::make_call(options, std::forward<F>(f), std::forward<Args>(args)...);
      post(call, options == nullptr ? 0 : options->priority);
      state = std::move(call);
    }
    if (admission_.bounded()) admission_.add(state);
    return Future<R>(std::move(state));
  }

  template <class F, class... Ranges>
  auto map_over(const MapOptions& options, F&& f, Ranges&&... ranges) {
    return detail::MapStream<std::decay_t<F>, detail::kept_range_t<Ranges>...>(
        *this, std::forward<F>(f), options, detail::kept_range(std::forward<Ranges>(ranges))...);
  }

  detail::Admission admission_;
  const int unwinding_ = std::uncaught_exceptions();
};

}  // namespace multiprocessing

#include <multiprocessing/detail/map_stream.hpp>
