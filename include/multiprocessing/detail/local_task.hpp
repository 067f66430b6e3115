#pragma once

/// \file multiprocessing/detail/local_task.hpp
/// A call that is made in this process, by a thread of an executor or by the caller.
///
///   threads   one thread runs it, any other may cancel or wait
///   ordering  [D] finish: seq_cst -> status: seq_cst   what the call wrote is visible
///   death     none: with the process, everybody is gone

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

#include <multiprocessing/detail/bell.hpp>
#include <multiprocessing/detail/copies.hpp>
#include <multiprocessing/detail/future_base.hpp>
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

  std::shared_ptr<LocalTask> next;  // in the executor's queue
};

/// The time limit and stop flag of the task that this thread is in, for stop_requested().
class MULTIPROCESSING_API LocalStop {
 public:
  LocalStop(const std::atomic<std::uint32_t>& word, std::int64_t deadline) noexcept;
  LocalStop(const LocalStop&) = delete;
  LocalStop& operator=(const LocalStop&) = delete;
  ~LocalStop();
  [[nodiscard]] bool late() const noexcept;
  [[nodiscard]] bool asked() const noexcept;
  static const LocalStop* current() noexcept;

 private:
  const std::atomic<std::uint32_t>& word_;
  std::int64_t deadline_;
  const LocalStop* outer_;
};

/// Sleeps before the attempt after `attempts`.
MULTIPROCESSING_API void pause_before(const Retry& retry, int attempts) noexcept;
/// Of a moment as Timeout::deadline() gives it.
MULTIPROCESSING_API bool is_past(std::int64_t moment) noexcept;

inline constexpr std::uint32_t kAskedToStop = 8;  // in the word of a LocalFuture

template <class R>
class LocalFuture : public FutureOf<R> {
 public:
  using Value = Kept_t<R>;
  using Status = FutureBase::Status;

  Status status() override {
    return static_cast<Status>(word_.load(std::memory_order_seq_cst) & 3U);  // [D]
  }
  bool wait(std::int64_t deadline) override { return wait_local(word_, deadline); }
  std::exception_ptr error() override {
    if (status() == Status::cancelled) {
      return std::make_exception_ptr(CancelledError());
    }
    return error_;
  }
  /// A running call is asked to stop, but it is not cancelled by that.
  bool cancel(bool running) override {
    std::uint32_t seen = word_.load(std::memory_order_acquire);
    while ((seen & 3U) == 0) {
      if (!word_.compare_exchange_weak(seen, 2U, std::memory_order_seq_cst)) continue;
      announce(seen);
      return true;
    }
    if (running) word_.fetch_or(kAskedToStop, std::memory_order_release);
    return (seen & 3U) == 2;
  }
  Value take(bool last) override {
    if (status() == Status::cancelled) throw CancelledError();
    if (error_) std::rethrow_exception(error_);
    if constexpr (kCopies<Value>) {
      if (!last) return *value_;
    }
    if (taken_.exchange(true, std::memory_order_acq_rel)) {
      throw ValueError("this result has been taken out already");
    }
    return std::move(*value_);
  }

  /// pending -> running. False: it was cancelled.
  bool start() noexcept {
    std::uint32_t seen = word_.load(std::memory_order_relaxed);  // relaxed: the exchange decides
    while ((seen & 3U) == 0) {
      if (word_.compare_exchange_weak(seen, seen | 1U, std::memory_order_acq_rel)) return true;
    }
    return false;
  }
  template <class... V>
  void succeed(V&&... value) {
    value_.emplace(std::forward<V>(value)...);
    finish();
  }
  void fail_with(std::exception_ptr error) noexcept {
    error_ = std::move(error);
    finish();
  }
  [[nodiscard]] const std::atomic<std::uint32_t>& word() const noexcept { return word_; }

 protected:
  [[nodiscard]] bool completes_here() const noexcept override { return true; }

 private:
  void finish() noexcept { announce(word_.exchange(3U, std::memory_order_seq_cst)); }  // [D]
  void announce(std::uint32_t before) noexcept {
    if ((before & kSleeper) != 0) wake_local(word_);
    ring_bell();
    this->run_callbacks();
  }

  std::atomic<std::uint32_t> word_{0};  // bits 0..1 Status, 2 sleeper, 3 asked to stop
  std::atomic<bool> taken_{false};
  std::exception_ptr error_;
  std::optional<Value> value_;
};

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
    const LocalStop stop(this->word(), deadline);
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
