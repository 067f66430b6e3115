#pragma once

/// \file multiprocessing/detail/future_base.hpp
/// What a Future and an AsyncResult refer to, whoever computes it.
///
///   sharing   belongs to the process whose executor made it
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

namespace multiprocessing::detail {

/// void as a value.
template <class R>
using Kept_t = std::conditional_t<std::is_void_v<R>, std::monostate, R>;

class MULTIPROCESSING_API FutureBase : public std::enable_shared_from_this<FutureBase> {
 public:
  enum class Status : std::uint8_t { pending, running, cancelled, finished };

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

  /// `callback` is called once it is done: by whoever completes it, or by the library's one thread
  /// for callbacks if that is another process; now, if it is done already.
  /// \throws std::system_error if that thread cannot be started: nothing has been added then
  void add_done_callback(std::function<void()> callback);
  /// Calls, in their order, the callbacks that were added and not called yet.
  void run_callbacks() noexcept;

 protected:
  /// True if its completion runs the callbacks.
  [[nodiscard]] virtual bool completes_here() const noexcept = 0;

 private:
  struct Callback;
  static Callback* reversed(Callback* list) noexcept;
  static void call(Callback* list) noexcept;

  std::atomic<Callback*> callbacks_{nullptr};  // the newest first; kCalled: they have been called
};

/// One with a result of type R.
template <class R>
class FutureOf : public FutureBase {
 public:
  using Value = Kept_t<R>;
  /// Requires that it is done. The value, or throws; a value that cannot be copied, or of which
  /// this is the `last` look, is moved out.
  virtual Value take(bool last) = 0;
};

/// Prints an exception that nobody can catch.
MULTIPROCESSING_API void report_ignored(const char* where,
                                        const std::exception_ptr& error) noexcept;

/// For what completes in this process. `word`: bits 0..1 the Status, 2 somebody sleeps on it.
inline constexpr std::uint32_t kSleeper = 4;
MULTIPROCESSING_API bool wait_local(std::atomic<std::uint32_t>& word, std::int64_t deadline);
MULTIPROCESSING_API void wake_local(std::atomic<std::uint32_t>& word) noexcept;

/// Blocks until the callbacks of all that was done before have been called.
MULTIPROCESSING_API void flush_callbacks() noexcept;

}  // namespace multiprocessing::detail
