#pragma once

/// \file multiprocessing/detail/local_future.hpp
/// What a Future or AsyncResult refers to if a thread computes it: of this process, or of the one
/// from which it arrived, or from which this one was forked.
///
///   sharing   private to a process; what others see of it is a SharedFuture
///   threads   one thread completes it, any other may cancel or wait
///   ordering  [D] finish: seq_cst -> status: seq_cst   what the call wrote is visible
///   death     of the process that completes it: to the others it is done, with BrokenExecutor

#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <optional>
#include <utility>

#include <multiprocessing/detail/bell.hpp>
#include <multiprocessing/detail/codec.hpp>
#include <multiprocessing/detail/copies.hpp>
#include <multiprocessing/detail/future_base.hpp>
#include <multiprocessing/detail/future_outcome.hpp>
#include <multiprocessing/errors.hpp>

namespace multiprocessing::detail {

/// A task that may be asked to stop.
class StoppableTask {
 public:
  [[nodiscard]] virtual bool asked_to_stop() const noexcept = 0;

 protected:
  ~StoppableTask() = default;
};

inline constexpr std::uint32_t kAskedToStop = 8;  // in the word of a LocalFuture

/// One that this process completes. Once it has a name for others, what that says decides between
/// its beginning and its cancelling; its copy in a forked child knows no more than that.
template <class R>
class LocalFuture : public FutureOf<R>, public StoppableTask {
 public:
  using Value = Kept_t<R>;
  using Status = FutureBase::Status;

  LocalFuture() noexcept = default;

  Status status() override {
    const Status here = local_status();
    if (here >= Status::cancelled) return here;
    if (const SharedFuture* const shared = this->shared()) {
      const Status there = shared->status();
      return is_elsewhere() || there == Status::cancelled ? there : here;
    }
    return is_elsewhere() ? Status::finished : here;
  }
  bool is_silent() override { return this->shared() != nullptr; }

  bool wait(std::int64_t deadline) override {
    for (;;) {
      if (this->done()) return true;
      if (const SharedFuture* const shared = this->shared()) return shared->wait(deadline);
      if (!wait_local(word_, deadline)) return this->done();
    }
  }
  std::exception_ptr error() override {
    fetch();
    if (status() == Status::cancelled) {
      return std::make_exception_ptr(CancelledError());
    }
    return error_;
  }
  /// A running call is asked to stop, but it is not cancelled by that.
  bool cancel(bool running) override {
    const SharedFuture* const shared = this->shared();
    if (is_elsewhere()) return shared != nullptr && shared->cancel(running);
    std::uint32_t seen = word_.load(std::memory_order_acquire);
    while ((seen & 3U) == 0) {
      if (!word_.compare_exchange_weak(seen, 2U, std::memory_order_seq_cst)) continue;
      if (const SharedFuture* const there = this->shared()) (void)there->cancel(false);
      announce(seen);
      return true;
    }
    if (running) word_.fetch_or(kAskedToStop, std::memory_order_release);
    return status() == Status::cancelled;
  }
  Value take(bool last) override {
    fetch();
    if (status() == Status::cancelled) throw CancelledError();
    if (error_) std::rethrow_exception(error_);
    if constexpr (kCopies<Value>) {
      if (!last) return *value_;
    }
    const std::lock_guard guard(this->share_lock());  // nobody is reading it to send it
    if (taken_.exchange(true, std::memory_order_acq_rel)) throw_taken();
    if (const SharedFuture* const shared = this->shared()) publish(*shared);
    return std::move(*value_);
  }

  /// pending -> running. False: it was cancelled.
  bool start() noexcept {
    std::uint32_t seen = word_.load(std::memory_order_relaxed);  // relaxed: the exchange decides
    while ((seen & 3U) == 0) {
      if (!word_.compare_exchange_weak(seen, seen | 1U, std::memory_order_seq_cst)) continue;
      const SharedFuture* const shared = this->shared();
      if (shared == nullptr || shared->start()) return true;
      announce(word_.exchange(2U, std::memory_order_seq_cst));  // [D]; cancelled elsewhere
      return false;
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
  void share_if_possible() noexcept {
    if constexpr (kSendable<R>) {
      try {
        (void)this->share();
      } catch (...) {  // no memory: to others it has failed
      }
    }
  }
  /// Also by somebody in another process.
  [[nodiscard]] bool asked_to_stop() const noexcept override {
    if ((word_.load(std::memory_order_acquire) & kAskedToStop) != 0) return true;
    const SharedFuture* const shared = this->shared();
    return shared != nullptr && shared->asked_to_stop();
  }

 protected:
  /// Of one that another process completes.
  explicit LocalFuture(SharedFuture shared) noexcept : born_(0) {
    this->set_shared(std::move(shared));
  }

  [[nodiscard]] bool completes_here() const noexcept override { return !is_elsewhere(); }

  // The store of shared_ and the look at the word here, against finish's and start's exchange of
  // the word and look at shared_ (seq_cst on both sides): one of us sees the other.
  SharedFuture make_shared_future() override {
    if constexpr (kSendable<R>) {
      if (is_elsewhere() && local_status() < Status::cancelled)
        std::rethrow_exception(left_behind());
      if (taken_.load(std::memory_order_acquire)) throw_taken();
      const SharedFuture made = SharedFuture::of_this_process(future_type<R>());
      this->set_shared(made);
      const std::uint32_t before = word_.fetch_or(kSharedNow, std::memory_order_seq_cst);
      switch (static_cast<Status>(before & 3U)) {
        case Status::cancelled:
          (void)made.cancel(false);
          break;
        case Status::finished:
          publish(made);
          break;
        case Status::running:
          (void)made.start();
          break;
        default:
          break;
      }
      if ((before & kSleeper) != 0) wake_local(word_);
      return made;
    } else {
      throw_unsendable_future();
    }
  }

 private:
  [[nodiscard]] Status local_status() const noexcept {
    return static_cast<Status>(word_.load(std::memory_order_seq_cst) & 3U);  // [D]
  }
  // A forked child's copy of its parent's, or one that arrived.
  [[nodiscard]] bool is_elsewhere() const noexcept { return born_ != fork_count(); }

  // For one that is completed elsewhere: what came of it.
  void fetch() {
    if (!is_elsewhere() || local_status() >= Status::cancelled) return;
    const std::lock_guard guard(this->share_lock());
    if (local_status() >= Status::cancelled) return;
    const SharedFuture* const shared = this->shared();
    error_ = shared == nullptr ? left_behind() : shared->error();
    const bool cancelled = shared != nullptr && shared->status() == Status::cancelled;
    if (!error_) read(*shared);
    word_.store(cancelled ? 2U : 3U, std::memory_order_seq_cst);
  }
  void read(const SharedFuture& shared) {
    if constexpr (kSendable<R>) {
      try {
        if constexpr (std::is_void_v<R>) {
          value_.emplace();
        } else {
          Reader in(shared.value());
          value_.emplace(decode_value<R>(in));
        }
      } catch (...) {  // what arrived cannot be made into an R
        value_.reset();
        error_ = std::current_exception();
      }
    }
  }
  // To the other processes. Under the lock.
  void publish(const SharedFuture& shared) noexcept {
    if constexpr (kSendable<R>) publish_outcome<R>(shared, error_, value_);
  }

  void finish() noexcept {
    const std::uint32_t before = word_.exchange(3U, std::memory_order_seq_cst);  // [D]
    if (const SharedFuture* const shared = this->shared()) {
      const std::lock_guard guard(this->share_lock());
      publish(*shared);
    }
    announce(before);
  }
  void announce(std::uint32_t before) noexcept {
    if ((before & kSleeper) != 0) wake_local(word_);
    ring_bell();
    this->run_callbacks();
  }

  std::atomic<std::uint32_t> word_{0};  // bits 0..1 Status, 2 sleeper, 3 asked to stop, 4 shared
  const std::uint32_t born_ = fork_count();
  std::atomic<bool> taken_{false};
  std::exception_ptr error_;
  std::optional<Value> value_;
};

/// One that arrived from another process, which completes it.
template <class R>
class ReceivedFuture final : public LocalFuture<R> {
 public:
  explicit ReceivedFuture(SharedFuture shared) noexcept : LocalFuture<R>(std::move(shared)) {}
};

}  // namespace multiprocessing::detail
