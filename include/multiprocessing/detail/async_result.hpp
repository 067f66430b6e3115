#pragma once

/// \file multiprocessing/detail/async_result.hpp
/// AsyncResult<R>, which is public: what will come of a task or a map that a Pool was given.
///
///   sharing   copies are one result; it belongs to the process that made the Pool
///   threads   every member may be called concurrently
///   ordering  what the task wrote is visible once `wait()` or `ready()` has returned true
///   death     of the worker: get() throws WorkerDied
///
/// \code
///   AsyncResult<int> result = pool.apply_async(square, 7);
///   if (result.wait(1s)) std::cout << result.get();
/// \endcode

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include <multiprocessing/detail/copies.hpp>
#include <multiprocessing/detail/pool_core.hpp>
#include <multiprocessing/errors.hpp>

namespace multiprocessing::detail {

/// void as a value.
template <class R>
using Kept_t = std::conditional_t<std::is_void_v<R>, std::monostate, R>;

/// A result that is out, until it is collected.
template <class R>
class Pending {
 public:
  using Value = Kept_t<R>;
  using Load = Value (*)(pool::Core& core, Ticket ticket, std::uint64_t items);

  struct Source {
    PoolCore core;
    Ticket ticket;
    bool job = false;
    std::uint64_t items = 0;
    Load load = nullptr;
    TaskName name{};
  };

  explicit Pending(Source source) : source_(std::move(source)) {}
  /// Here already.
  explicit Pending(Value value) : collected_(true), value_(std::move(value)) {}
  Pending(const Pending&) = delete;
  Pending& operator=(const Pending&) = delete;
  ~Pending() {
    if (source_.core) release_ticket(*source_.core, source_.ticket);
  }

  bool wait(Timeout timeout) {
    {
      const std::lock_guard guard(lock_);
      if (collected_) return true;
      ++waiting_;
    }
    const Waiting until_the_end{*this};
    return source_.job ? wait_job(*source_.core, source_.ticket, timeout.deadline())
                       : wait_task(*source_.core, source_.ticket, timeout.deadline());
  }

  bool ready() {
    const std::lock_guard guard(lock_);
    if (collected_) return true;
    return source_.job ? whole_job_ended(*source_.core, source_.ticket)
                       : task_ended(*source_.core, source_.ticket);
  }

  /// Requires that it is ready. The value, or throws; a value that cannot be copied, or of which
  /// this is the `last` look, is moved out.
  Value take(bool last) {
    const std::lock_guard guard(lock_);
    load();
    if (error_) std::rethrow_exception(error_);
    if (!value_) throw ValueError("this result has been taken out already");
    if constexpr (kCopies<Value>) {
      if (!last) return *value_;
    }
    Value moved = std::move(*value_);
    value_.reset();
    return moved;
  }

  bool succeeded() {
    const std::lock_guard guard(lock_);
    load();
    return error_ == nullptr;
  }

 private:
  void load() {
    if (collected_) return;
    pool::Core& core = *source_.core;
    error_ = source_.job ? job_error(core, source_.ticket, source_.name)
                         : task_error(core, source_.ticket, source_.name);
    try {
      if (!error_) value_.emplace(source_.load(core, source_.ticket, source_.items));
    } catch (...) {  // what arrived cannot be made into an R
      error_ = std::current_exception();
    }
    collected_ = true;
    let_go();
  }

  // Once collected, and nobody looks at it any more.
  void let_go() noexcept {
    if (!collected_ || waiting_ != 0 || !source_.core) return;
    release_ticket(*source_.core, source_.ticket);
    source_.core.reset();
  }

  struct Waiting {
    Pending& pending;
    explicit Waiting(Pending& of) noexcept : pending(of) {}
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;
    ~Waiting() {
      const std::lock_guard guard(pending.lock_);
      --pending.waiting_;
      pending.let_go();
    }
  };

  Source source_;
  std::mutex lock_;  // guards what follows
  int waiting_ = 0;  // threads in wait
  bool collected_ = false;
  std::exception_ptr error_;
  std::optional<Value> value_;
};

}  // namespace multiprocessing::detail

namespace multiprocessing {

template <class R>
class AsyncResult {
 public:
  explicit AsyncResult(std::shared_ptr<detail::Pending<R>> pending) noexcept
      : pending_(std::move(pending)) {}

  /// Blocks until it is there and returns it; what the task has thrown is thrown here. May be
  /// called again; a result that cannot be copied is moved out by the first call.
  /// \throws TimeoutError, WorkerDied, TaskTimeout, BrokenProcessPool; CancelledError if the pool
  /// was terminated before
  R get(Timeout timeout = {}) const& {
    await(timeout);
    return static_cast<R>(pending_->take(false));
  }
  /// Of a temporary: the result is moved, not copied.
  R get(Timeout timeout = {}) && {
    await(timeout);
    return static_cast<R>(pending_->take(pending_.use_count() == 1));
  }

  /// Blocks until it is there; false if the time-out passed before.
  bool wait(Timeout timeout = {}) const {  // NOLINT(modernize-use-nodiscard)
    return pending_->wait(timeout);
  }

  /// True once the task has ended, however.
  [[nodiscard]] bool ready() const { return pending_->ready(); }

  /// True if it has ended without an exception. \throws ValueError before it has ended.
  [[nodiscard]] bool successful() const {
    if (!ready()) throw ValueError("the task has not ended yet");
    return pending_->succeeded();
  }

 private:
  void await(Timeout timeout) const {
    if (!pending_->wait(timeout)) throw TimeoutError("the task has not ended in time");
  }

  std::shared_ptr<detail::Pending<R>> pending_;
};

}  // namespace multiprocessing
