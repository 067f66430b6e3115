#pragma once

/// \file multiprocessing/detail/future_base.hpp
/// What a Future and an AsyncResult refer to, whoever computes it.
///
///   sharing   private to a process; `share` gives it a name by which others find it
///   threads   every function may be called concurrently
///   ordering  what the task wrote is visible to whoever has seen that it is done
///   death     of a worker process: it is done, with an error

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <type_traits>
#include <variant>

#include <multiprocessing/detail/export.hpp>
#include <multiprocessing/detail/fork_mutex.hpp>
#include <multiprocessing/detail/shared_future.hpp>
#include <multiprocessing/detail/token.hpp>
#include <multiprocessing/detail/transferable.hpp>

namespace multiprocessing::detail {

/// void as a value.
template <class R>
using Kept_t = std::conditional_t<std::is_void_v<R>, std::monostate, R>;

class MULTIPROCESSING_API FutureBase : public std::enable_shared_from_this<FutureBase> {
 public:
  using Status = FutureStatus;

  FutureBase() noexcept = default;
  FutureBase(const FutureBase&) = delete;
  FutureBase& operator=(const FutureBase&) = delete;
  virtual ~FutureBase();

  [[nodiscard]] virtual Status status() = 0;
  [[nodiscard]] bool done() { return status() >= Status::cancelled; }
  /// Blocks until it is done; false: not in time. \throws KeyboardInterrupt
  virtual bool wait(std::int64_t deadline) = 0;
  /// Requires that it is done. What it has thrown, also CancelledError; nullptr: nothing.
  [[nodiscard]] virtual std::exception_ptr error() = 0;
  /// True if it is cancelled then.
  virtual bool cancel(bool running) = 0;
  /// Sees to it that whoever computes it is there: for waits that last.
  virtual void tend() {}

  /// True if nobody rings this process's bell when it is done: who waits at that looks by himself.
  [[nodiscard]] virtual bool is_silent() { return false; }

  /// Its name for other processes, which it gets at the first call.
  /// \throws TransferError if its result cannot be sent, ValueError if that has been taken out,
  /// ArenaExhausted
  HandleId share();
  /// What makes such a future of its name: a FutureMaker.
  [[nodiscard]] virtual CodeToken maker() const = 0;

  /// `callback` is called once it is done: by whoever completes it, or by the library's one thread
  /// for callbacks if that is another process; now, if it is done already.
  /// \throws std::system_error if that thread cannot be started: nothing has been added then
  void add_done_callback(std::function<void()> callback);
  /// Calls, in their order, the callbacks that were added and not called yet.
  void run_callbacks() noexcept;

 protected:
  /// True if its completion runs the callbacks.
  [[nodiscard]] virtual bool completes_here() const noexcept = 0;

  /// By `share`, which holds the lock.
  virtual SharedFuture make_shared_future() = 0;
  /// nullptr: it has none.
  [[nodiscard]] const SharedFuture* shared() const noexcept {
    return shared_.load(std::memory_order_seq_cst);
  }
  /// From now on this is it. Under the lock, or by the constructor.
  void set_shared(SharedFuture shared) noexcept {
    kept_ = std::move(shared);
    shared_.store(&kept_, std::memory_order_seq_cst);
  }
  /// Lets go of it, from a destructor. Returns its name.
  HandleId leave_shared() noexcept;
  [[nodiscard]] ForkMutex& share_lock() noexcept { return share_lock_; }

 private:
  struct Callback;
  static Callback* reversed(Callback* list) noexcept;
  static void call(Callback* list) noexcept;

  std::atomic<Callback*> callbacks_{nullptr};  // the newest first; kCalled: they have been called
  std::atomic<const SharedFuture*> shared_{nullptr};  // kept_, once it is there
  ForkMutex share_lock_;                              // guards this
  SharedFuture kept_;
};

using FutureMaker = std::shared_ptr<FutureBase>(HandleId id);

template <class R>
inline constexpr bool kSendable = std::is_void_v<R> || is_transferable_v<R>;
template <class R>
class FutureOf;

/// This process's future of that name. \throws ValueError if it is gone, TransferError
template <class R>
std::shared_ptr<FutureOf<R>> arriving_future(HandleId id);
template <class R>
std::shared_ptr<FutureBase> arriving_any(HandleId id) {
  return arriving_future<R>(id);
}

/// One with a result of type R.
template <class R>
class FutureOf : public FutureBase {
 public:
  using Value = Kept_t<R>;
  /// Requires that it is done. The value, or throws; a value that cannot be copied, or of which
  /// this is the `last` look, is moved out.
  virtual Value take(bool last) = 0;

  [[nodiscard]] CodeToken maker() const final {
    if constexpr (kSendable<R>) {
      return token_of_function(&arriving_any<R>);
    } else {
      throw_unsendable_future();
    }
  }
};

/// Prints an exception that nobody can catch.
MULTIPROCESSING_API void report_ignored(const char* where,
                                        const std::exception_ptr& error) noexcept;

/// For what completes in this process. `word`: bits 0..1 the Status, 2 somebody sleeps on it, 4 it
/// has been shared: the sleeper is to look again.
inline constexpr std::uint32_t kSleeper = 4;
inline constexpr std::uint32_t kSharedNow = 16;
MULTIPROCESSING_API bool wait_local(std::atomic<std::uint32_t>& word, std::int64_t deadline);
MULTIPROCESSING_API void wake_local(std::atomic<std::uint32_t>& word) noexcept;

/// Blocks until the callbacks of all that was done before have been called.
MULTIPROCESSING_API void flush_callbacks() noexcept;

}  // namespace multiprocessing::detail
