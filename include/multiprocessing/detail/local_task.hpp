#pragma once

/// \file multiprocessing/detail/local_task.hpp
/// A call that is made in this process, by a thread of an executor or by the caller.
///
///   threads   one thread runs it, any other may cancel or wait
///   ordering  as LocalFuture
///   death     none: with the process, everybody is gone

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

#include <multiprocessing/detail/future_base.hpp>
#include <multiprocessing/detail/local_future.hpp>
#include <multiprocessing/detail/task.hpp>
#include <multiprocessing/detail/task_options.hpp>
#include <multiprocessing/errors.hpp>

namespace multiprocessing::detail {

/// Something that a thread can be given to do.
class MULTIPROCESSING_API LocalTask {
 public:
  LocalTask() noexcept = default;
  LocalTask(const LocalTask&) = delete;
  LocalTask& operator=(const LocalTask&) = delete;
  virtual ~LocalTask();
  /// Nothing if it was cancelled before.
  virtual void run() noexcept = 0;
  /// Ends with `error` what has not begun.
  virtual void fail(const std::exception_ptr& error) noexcept = 0;
  /// Cancels what has not begun.
  virtual void drop() noexcept = 0;
  /// Before a fork: gives its future, if it has one, a name by which the child finds it.
  virtual void bequeath() noexcept {}

  std::shared_ptr<LocalTask> next;  // in the executor's queue
};

/// The time limit and stop flag of the task that this thread is in, for stop_requested().
class MULTIPROCESSING_API LocalStop {
 public:
  LocalStop(const StoppableTask& task, std::int64_t deadline) noexcept;
  LocalStop(const LocalStop&) = delete;
  LocalStop& operator=(const LocalStop&) = delete;
  ~LocalStop();
  [[nodiscard]] bool late() const noexcept;
  [[nodiscard]] bool asked() const noexcept;
  static const LocalStop* current() noexcept;

 private:
  const StoppableTask& task_;
  std::int64_t deadline_;
  const LocalStop* outer_;
};

/// Sleeps before the attempt after `attempts`.
MULTIPROCESSING_API void pause_before(const Retry& retry, int attempts) noexcept;
/// Of a moment as Timeout::deadline() gives it.
MULTIPROCESSING_API bool is_past(std::int64_t moment) noexcept;

template <class R, class F, class... Args>
class LocalCall final : public LocalFuture<R>, public LocalTask {
 public:
  template <class G, class... A>
  explicit LocalCall(const TaskOptions* options, G&& f, A&&... args)
      : call_(std::in_place, std::forward<G>(f), std::tuple<Args...>(std::forward<A>(args)...)) {
    if (options == nullptr) return;
    if (options->retry) (void)terms_from(*options);  // throws for what makes no sense
    if (options->retry || !options->timeout.is_forever()) {
      options_ = std::make_unique<TaskOptions>(*options);
    }
  }

  void run() noexcept override {
    if (!this->start()) return call_.reset();
    std::optional<Kept_t<R>> value;
    std::exception_ptr error = options_ ? try_often(value) : try_once(value, INT64_MAX, true);
    call_.reset();  // what it held is let go before anybody sees the result
    if (error) {
      this->fail_with(std::move(error));
    } else {
      this->succeed(std::move(*value));
    }
  }
  void fail(const std::exception_ptr& error) noexcept override {
    call_.reset();
    if (this->start()) this->fail_with(error);
  }
  void drop() noexcept override {
    call_.reset();
    (void)this->cancel(false);
  }
  void bequeath() noexcept override { this->share_if_possible(); }

 private:
  struct Call {
    template <class G>
    Call(G&& f, std::tuple<Args...> a) : function(std::forward<G>(f)), args(std::move(a)) {}
    F function;
    std::tuple<Args...> args;
  };
  static constexpr bool kRepeatable = std::is_invocable_v<F&, Args&...>;

  decltype(auto) invoke(bool last) {
    if constexpr (kRepeatable) {  // the arguments may be wanted once more
      if (!last) {
        return std::apply([&](auto&... arg) -> R { return std::invoke(call_->function, arg...); },
                          call_->args);
      }
    }
    return static_cast<R>(apply_task(call_->function, call_->args));
  }

  // What it has thrown; nullptr: there is a value.
  std::exception_ptr try_once(std::optional<Kept_t<R>>& value, std::int64_t deadline,
                              bool last) noexcept {
    const LocalStop stop(*this, deadline);
    try {
      if constexpr (std::is_void_v<R>) {
        invoke(last);
        value.emplace();
      } else {
        value.emplace(invoke(last));
      }
      if (stop.late()) throw TaskTimeout();
      return nullptr;
    } catch (...) {
      if (!stop.late()) return std::current_exception();
      return std::make_exception_ptr(TaskTimeout());
    }
  }

  std::exception_ptr try_often(std::optional<Kept_t<R>>& value) noexcept {
    const Retry retry = options_->retry.value_or(Retry{.attempts = 1});
    const std::int64_t no_more = retry.stop_after.deadline();
    const int attempts = kRepeatable ? retry.attempts : 1;
    for (int i = 1;; ++i) {
      const auto error = try_once(value, options_->timeout.deadline(), i == attempts);
      if (!error || i >= attempts || is_past(no_more)) return error;
      if (!is_any_of<TaskTimeout>(error) && (retry.matches == nullptr || !retry.matches(error))) {
        return error;
      }
      value.reset();
      pause_before(retry, i);
    }
  }

  std::optional<Call> call_;
  std::unique_ptr<TaskOptions> options_;
};

/// The result of `f(args...)` as a future holds it, wherever it is called.
template <class F, class... Args>
using call_result_t = typename Task<std::decay_t<F>, stored_t<Args>...>::Result;

template <class F, class... Args>
auto make_call(const TaskOptions* options, F&& f, Args&&... args) {
  using Call = LocalCall<call_result_t<F, Args...>, std::decay_t<F>, stored_t<Args>...>;
  return std::make_shared<Call>(options, std::forward<F>(f), std::forward<Args>(args)...);
}

}  // namespace multiprocessing::detail
