#pragma once

/// \file multiprocessing/detail/async_result.hpp
/// AsyncResult<R>, which is public: what will come of a task or a map that a Pool was given.
///
///   sharing   a handle: copies are one result, in whichever process; send it wherever you like
///   threads   every member may be called concurrently
///   ordering  what the task wrote is visible once `wait()` or `ready()` has returned true
///   death     of the worker: get() throws WorkerDied
///
/// \code
///   AsyncResult<int> result = pool.apply_async(square, 7);
///   if (result.wait(1s)) std::cout << result.get();
/// \endcode

#include <exception>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>

#include <multiprocessing/detail/future_base.hpp>
#include <multiprocessing/detail/future_outcome.hpp>
#include <multiprocessing/detail/pending.hpp>
#include <multiprocessing/errors.hpp>

namespace multiprocessing {

template <class R>
class AsyncResult {
 public:
  using value_type = R;

  /// Refers to nothing: every member throws ValueError.
  AsyncResult() noexcept = default;
  explicit AsyncResult(std::shared_ptr<detail::FutureOf<R>> state) noexcept
      : state_(std::move(state)) {}

  /// Blocks until it is there and returns it; what the task has thrown is thrown here. May be
  /// called again; a result that cannot be copied is moved out by the first call.
  /// \throws TimeoutError, WorkerDied, TaskTimeout, BrokenProcessPool; CancelledError if the pool
  /// was terminated before
  R get(Timeout timeout = {}) const& {
    await(timeout);
    return static_cast<R>(here().take(false));
  }
  /// Of a temporary: the result is moved, not copied.
  R get(Timeout timeout = {}) && {
    await(timeout);
    return static_cast<R>(here().take(state_.use_count() == 1));
  }

  /// Blocks until it is there; false if the time-out passed before.
  bool wait(Timeout timeout = {}) const {  // NOLINT(modernize-use-nodiscard)
    return here().wait(timeout.deadline());
  }

  /// True once the task has ended, however.
  [[nodiscard]] bool ready() const { return here().done(); }

  /// True if it has ended without an exception. \throws ValueError before it has ended.
  [[nodiscard]] bool successful() const {
    if (!ready()) throw ValueError("the task has not ended yet");
    return here().error() == nullptr;
  }

  friend bool operator==(const AsyncResult&, const AsyncResult&) noexcept = default;

  /// For the library.
  [[nodiscard]] const std::shared_ptr<detail::FutureOf<R>>& state() const noexcept {
    return state_;
  }

 private:
  [[nodiscard]] detail::FutureOf<R>& here() const {
    if (!state_) throw ValueError("this AsyncResult refers to nothing");
    return *state_;
  }
  void await(Timeout timeout) const {
    if (!wait(timeout))
      throw TimeoutError(
          "the task has not ended in time and goes on (wait again; a limit that ends it is the "
          "task's own)");
  }

  std::shared_ptr<detail::FutureOf<R>> state_;
};

template <class R>
struct Codec<AsyncResult<R>> {
  using Parts = detail::ResultTypes<R>;
  static constexpr std::string_view kName = "AsyncResult";
  static constexpr bool kFixed = false;
  static constexpr bool kIsHandle = true;

  static void encode(detail::Writer& out, const AsyncResult<R>& result) {
    detail::encode_future(out, result.state());
  }
  static AsyncResult<R> decode(detail::Reader& in) {
    return AsyncResult<R>(detail::decode_future<R>(in));
  }
};

}  // namespace multiprocessing

template <class R>
struct std::hash<multiprocessing::AsyncResult<R>> {
  std::size_t operator()(const multiprocessing::AsyncResult<R>& result) const noexcept {
    return std::hash<const void*>{}(result.state().get());
  }
};
