#pragma once

/// \file multiprocessing/detail/pending.hpp
/// What a Future or AsyncResult refers to if workers of a pool compute it, in whichever process.
///
///   sharing   private to a process; the task's place in the pool is what it shares
///   threads   every function may be called concurrently
///   ordering  what the task wrote is visible once it is seen to be done
///   death     of the worker: it is done, with WorkerDied; of the process that made the pool: to
///             the others it is done, with BrokenProcessPool

#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include <multiprocessing/detail/copies.hpp>
#include <multiprocessing/detail/future_base.hpp>
#include <multiprocessing/detail/future_outcome.hpp>
#include <multiprocessing/detail/local_future.hpp>
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
    bool borrowed = false;  // the ticket is somebody else's
  };

  explicit Pending(Source source) : source_(std::move(source)) {}
  /// Here already.
  explicit Pending(Value value) : collected_(true), value_(std::move(value)) {}
  Pending(const Pending&) = delete;
  Pending& operator=(const Pending&) = delete;
  /// One that arrived from another process, or came home.
  explicit Pending(SharedFuture shared) : source_(source_of(shared.task())) {
    this->set_shared(std::move(shared));
  }
  ~Pending() override {
    const HandleId name = this->leave_shared();
    if (source_.core && !source_.borrowed) {
      release_ticket(*source_.core, source_.ticket, name);
    }
  }

  bool is_silent() override {
    const std::lock_guard guard(lock_);
    return source_.core && !is_owner(*source_.core);
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
    if (!value_) throw_taken();
    if constexpr (kCopies<Value>) {
      if (!last) return *value_;
    }
    Value moved = std::move(*value_);
    value_.reset();
    return moved;
  }

 protected:
  [[nodiscard]] bool completes_here() const noexcept override { return false; }

  // Of one that is in the pool its place there; else its outcome.
  SharedFuture make_shared_future() override {
    if constexpr (kSendable<R>) {
      const std::lock_guard guard(lock_);
      if (!collected_) {
        SharedTask task = shared_task(*source_.core, source_.ticket);
        task.job = source_.job;
        task.items = source_.items;
        task.load = token_of_function(source_.load);
        task.name = source_.name();
        return SharedFuture::of_task(task, future_type<R>());
      }
      if (!error_ && !value_) throw_taken();
      const SharedFuture made = SharedFuture::of_this_process(future_type<R>());
      if (cancelled_) {
        (void)made.cancel(false);
      } else {
        publish_outcome<R>(made, error_, value_);
      }
      return made;
    } else {
      throw_unsendable_future();
    }
  }

 private:
  static Source source_of(const SharedTask& task) {
    Source source{guest_core(task), {task.cell, task.sequence}, task.job, task.items};
    source.load = function_of_token<std::remove_pointer_t<Load>>(task.load);
    if (!task.name.empty()) source.name.given = std::make_shared<const std::string>(task.name);
    source.borrowed = true;
    return source;
  }

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
    if (!source_.borrowed) {
      release_ticket(*source_.core, source_.ticket,
                     this->shared() == nullptr ? HandleId{} : this->shared()->id());
    }
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
  ForkMutex lock_;   // guards what follows
  int waiting_ = 0;  // threads in wait
  bool collected_ = false;
  bool cancelled_ = false;
  std::exception_ptr error_;
  std::optional<Value> value_;
};

template <class R>
std::shared_ptr<FutureOf<R>> arriving_future(HandleId id) {
  std::shared_ptr<FutureBase> found = known_future(id);
  if (!found) {
    SharedFuture shared = SharedFuture::from_id(id, future_type<R>());
    std::shared_ptr<FutureBase> made;
    if (shared.is_task()) {
      made = std::make_shared<Pending<R>>(std::move(shared));
    } else {
      made = std::make_shared<ReceivedFuture<R>>(std::move(shared));
    }
    found = know_future(id, std::move(made));
  }
  auto typed = std::dynamic_pointer_cast<FutureOf<R>>(std::move(found));
  if (!typed) throw TransferError("a future of another type arrived");
  return typed;
}

/// How what refers to a future travels. The state may be null.
template <class R>
void encode_future(Writer& out, const std::shared_ptr<FutureOf<R>>& state) {
  if (state == nullptr) {
    out.plain(HandleId{}.value);
  } else {
    out.handle(state->share());
    out.keep(state);  // and with it the hold, until the message has one
  }
}
template <class R>
std::shared_ptr<FutureOf<R>> decode_future(Reader& in) {
  const HandleId id = in.handle();
  return id == HandleId{} ? nullptr : arriving_future<R>(id);
}

}  // namespace multiprocessing::detail
