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
#include <utility>

#include <multiprocessing/detail/copies.hpp>
#include <multiprocessing/detail/future_base.hpp>
#include <multiprocessing/detail/pool_core.hpp>
#include <multiprocessing/errors.hpp>

namespace multiprocessing::detail {

/// A result that workers of a pool compute, until it is collected.
template <class R>
class Pending final : public FutureOf<R> {
 public:
  using Value = Kept_t<R>;
  using Status = FutureBase::Status;
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
  ~Pending() override {
    if (source_.core) release_ticket(*source_.core, source_.ticket);
  }

  bool wait(std::int64_t deadline) override {
    {
      const std::lock_guard guard(lock_);
      if (collected_) return true;
      ++waiting_;
    }
    const Waiting until_the_end{*this};
    try {
      return source_.job ? wait_job(*source_.core, source_.ticket, deadline)
                         : wait_task(*source_.core, source_.ticket, deadline);
    } catch (const CancelledError&) {  // the pool has given it up
      give_up(true);
    } catch (const BrokenExecutor&) {
      give_up(false);
    }
    return true;
  }

  Status status() override {
    const std::lock_guard guard(lock_);
    if (collected_) return cancelled_ ? Status::cancelled : Status::finished;
    if (source_.job) {
      return whole_job_ended(*source_.core, source_.ticket) ? Status::finished : given_up();
    }
    switch (task_status(*source_.core, source_.ticket)) {
      case TaskStatus::queued:
        return given_up();
      case TaskStatus::running:
        return given_up() == Status::pending ? Status::running : given_up();
      case TaskStatus::cancelled:
        return Status::cancelled;
      default:
        return Status::finished;
    }
  }

  bool cancel(bool running) override {
    const std::lock_guard guard(lock_);
    if (collected_) return cancelled_;
    if (source_.job) return false;
    return cancel_task(*source_.core, source_.ticket, running);
  }

  std::exception_ptr error() override {
    const std::lock_guard guard(lock_);
    load();
    return error_;
  }

  void tend() override {
    PoolCore core;
    {
      const std::lock_guard guard(lock_);
      core = source_.core;
    }
    if (core) tend_pool(*core);
  }

  Value take(bool last) override {
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

 protected:
  [[nodiscard]] bool completes_here() const noexcept override { return false; }

 private:
  // Of a task that has not ended: in a pool that will not do it any more it is done.
  Status given_up() {
    switch (pool_verdict(*source_.core)) {
      case PoolVerdict::terminated:
        return Status::cancelled;
      case PoolVerdict::broken:
        return Status::finished;
      default:
        return Status::pending;
    }
  }

  void give_up(bool cancelled) {
    const std::lock_guard guard(lock_);
    if (collected_) return;
    error_ = std::current_exception();
    cancelled_ = cancelled;
    collected_ = true;
  }

  void load() {
    if (collected_) return;
    pool::Core& core = *source_.core;
    if (!source_.job && task_status(core, source_.ticket) == TaskStatus::cancelled) {
      cancelled_ = true;
    }
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
  bool cancelled_ = false;
  std::exception_ptr error_;
  std::optional<Value> value_;
};

}  // namespace multiprocessing::detail

namespace multiprocessing {

template <class R>
class AsyncResult {
 public:
  explicit AsyncResult(std::shared_ptr<detail::FutureOf<R>> state) noexcept
      : state_(std::move(state)) {}

  /// Blocks until it is there and returns it; what the task has thrown is thrown here. May be
  /// called again; a result that cannot be copied is moved out by the first call.
  /// \throws TimeoutError, WorkerDied, TaskTimeout, BrokenProcessPool; CancelledError if the pool
  /// was terminated before
  R get(Timeout timeout = {}) const& {
    await(timeout);
    return static_cast<R>(state_->take(false));
  }
  /// Of a temporary: the result is moved, not copied.
  R get(Timeout timeout = {}) && {
    await(timeout);
    return static_cast<R>(state_->take(state_.use_count() == 1));
  }

  /// Blocks until it is there; false if the time-out passed before.
  bool wait(Timeout timeout = {}) const {  // NOLINT(modernize-use-nodiscard)
    return state_->wait(timeout.deadline());
  }

  /// True once the task has ended, however.
  [[nodiscard]] bool ready() const { return state_->done(); }

  /// True if it has ended without an exception. \throws ValueError before it has ended.
  [[nodiscard]] bool successful() const {
    if (!ready()) throw ValueError("the task has not ended yet");
    return state_->error() == nullptr;
  }

  friend bool operator==(const AsyncResult&, const AsyncResult&) noexcept = default;

  /// For the library.
  [[nodiscard]] const std::shared_ptr<detail::FutureOf<R>>& state() const noexcept {
    return state_;
  }

 private:
  void await(Timeout timeout) const {
    if (!wait(timeout))
      throw TimeoutError(
          "the task has not ended in time and goes on (wait again; a limit that ends it is the "
          "task's own)");
  }

  std::shared_ptr<detail::FutureOf<R>> state_;
};

}  // namespace multiprocessing
