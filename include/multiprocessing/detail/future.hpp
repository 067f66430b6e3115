#pragma once

/// \file multiprocessing/detail/future.hpp
/// Future<R> and AnyFuture, which are public: what will come of a task that an executor was given.
/// Mirrors `concurrent.futures.Future`.
///
///   sharing   a handle: copies are one future, in whichever process; send it wherever you like
///   threads   every member may be called concurrently
///   ordering  what the task wrote is visible once it is seen to be done
///   death     of the worker process: result() throws WorkerDied; of the process that submitted the
///             task, before it was done: BrokenExecutor, to the others that have the future
///
/// \code
///   Future<int> future = executor.submit(square, 7);
///   future.add_done_callback([](Future<int> f) { std::cout << f.result(); });
/// \endcode

#include <concepts>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string_view>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include <multiprocessing/detail/async_result.hpp>
#include <multiprocessing/detail/codec.hpp>
#include <multiprocessing/detail/future_base.hpp>
#include <multiprocessing/detail/timeout.hpp>
#include <multiprocessing/errors.hpp>

namespace multiprocessing {

namespace detail {

/// What a Future or AnyFuture refers to. \throws ValueError: nothing
struct FutureAccess {
  template <class F>
  static FutureBase& state_of(const F& future) {
    return future.state();
  }
  /// nullptr: nothing.
  template <class F>
  static const auto& pointer_of(const F& future) noexcept {
    return future.state_;
  }
  template <class F, class State>
  static F make(std::shared_ptr<State> state) {
    F future;
    future.state_ = std::move(state);
    return future;
  }
  /// Until it is done. \throws TimeoutError
  template <class F>
  static void await(const F& future, std::int64_t deadline) {
    if (!future.state().wait(deadline))
      throw TimeoutError(
          "the task has not ended in time and goes on (wait again; a limit that ends it is the "
          "task's own)");
  }
};

/// What a Future and an AnyFuture have in common, which is public.
template <class Derived>
class FutureMethods {
 public:
  /// True once it has ended or is cancelled. Never blocks.
  [[nodiscard]] bool done() const { return base().done(); }
  [[nodiscard]] bool running() const { return base().status() == FutureBase::Status::running; }
  [[nodiscard]] bool cancelled() const { return base().status() == FutureBase::Status::cancelled; }

  /// Cancels it unless it has begun. With `running` also a running task of a process: it is asked
  /// to stop (stop_requested()), gets SIGTERM and at last SIGKILL; that of a thread is only asked.
  /// Returns whether it is cancelled.
  bool cancel(bool running = false) const {  // NOLINT(modernize-use-nodiscard)
    const bool cancelled = base().cancel(running);
    if (cancelled) base().run_callbacks();
    return cancelled;
  }

  /// Blocks until it is done. What the task has thrown; null: nothing.
  /// \throws TimeoutError, CancelledError
  [[nodiscard]] std::exception_ptr exception(Timeout timeout = {}) const {
    FutureAccess::await(derived(), timeout.deadline());
    if (cancelled()) throw CancelledError();
    return base().error();
  }

  friend bool operator==(const FutureMethods&, const FutureMethods&) noexcept = default;

 private:
  friend Derived;
  FutureMethods() noexcept = default;
  [[nodiscard]] const Derived& derived() const noexcept {
    return static_cast<const Derived&>(*this);
  }
  [[nodiscard]] FutureBase& base() const { return FutureAccess::state_of(derived()); }
};

}  // namespace detail

class AnyFuture;

template <class R>
class Future : public detail::FutureMethods<Future<R>> {
 public:
  using value_type = R;

  /// Refers to nothing: every member throws ValueError.
  Future() noexcept = default;
  explicit Future(std::shared_ptr<detail::FutureOf<R>> state) noexcept : state_(std::move(state)) {}

  /// Blocks until it is done and returns the result; what the task has thrown is thrown here. May
  /// be called again; a result that cannot be copied is moved out by the first call.
  /// \throws TimeoutError, CancelledError, WorkerDied, TaskTimeout, BrokenExecutor
  R result(Timeout timeout = {}) const& {
    await(timeout);
    return static_cast<R>(state().take(false));
  }
  /// Of a temporary: the result is moved, not copied.
  R result(Timeout timeout = {}) && {
    await(timeout);
    return static_cast<R>(state().take(state_.use_count() == 1));
  }

  /// `callback(future)` or `callback()` is called once it is done, in the order of adding: in the
  /// thread that completes or cancels it, or, for tasks of processes, in one thread that the
  /// library keeps for that; here and now if it is done already. What it throws is printed and
  /// ignored.
  template <class F>
  void add_done_callback(F callback) const {
    if constexpr (std::is_invocable_v<F&, Future>) {
      // Not a pointer that owns: a callback that never comes would keep its own future.
      state().add_done_callback(
          [callback = std::move(callback), weak = std::weak_ptr(state_)]() mutable {
            if (auto alive = weak.lock()) callback(Future(std::move(alive)));
          });
    } else {
      static_assert(std::is_invocable_v<F&>, "a callback takes the Future, or nothing");
      state().add_done_callback(std::move(callback));
    }
  }

  /// `co_await future` is its result. The coroutine goes on where a callback would be called.
  auto operator co_await() const {
    struct Awaiter {
      Future future;
      [[nodiscard]] bool await_ready() const { return future.done(); }
      void await_suspend(std::coroutine_handle<> coroutine) const {
        future.add_done_callback([coroutine] { coroutine.resume(); });
      }
      R await_resume() const { return future.result(); }
    };
    return Awaiter{*this};
  }

  friend bool operator==(const Future&, const Future&) noexcept = default;

 private:
  friend class AnyFuture;
  friend struct detail::FutureAccess;
  friend struct std::hash<Future>;

  [[nodiscard]] detail::FutureOf<R>& state() const {
    if (!state_) throw ValueError("this Future refers to nothing");
    return *state_;
  }
  void await(Timeout timeout) const { detail::FutureAccess::await(*this, timeout.deadline()); }

  std::shared_ptr<detail::FutureOf<R>> state_;
};

/// Any Future<R>, for waits over futures of different types.
class AnyFuture : public detail::FutureMethods<AnyFuture> {
 public:
  AnyFuture() noexcept = default;
  template <class R>
  AnyFuture(const Future<R>& future) noexcept  // NOLINT(google-explicit-constructor)
      : state_(future.state_) {}

  template <class F>
  void add_done_callback(F callback) const {
    state().add_done_callback(std::move(callback));
  }
  /// The Future<R> that it was made from. \throws ValueError if that was of another type.
  template <class R>
  [[nodiscard]] Future<R> as() const {
    auto typed = std::dynamic_pointer_cast<detail::FutureOf<R>>(state_);
    if (!typed) throw ValueError("this AnyFuture is of another type");
    return Future<R>(std::move(typed));
  }

  friend bool operator==(const AnyFuture&, const AnyFuture&) noexcept = default;

 private:
  friend struct std::hash<AnyFuture>;
  friend struct detail::FutureAccess;

  [[nodiscard]] detail::FutureBase& state() const {
    if (!state_) throw ValueError("this AnyFuture refers to nothing");
    return *state_;
  }

  std::shared_ptr<detail::FutureBase> state_;
};

template <class R>
struct Codec<Future<R>> {
  using Parts = detail::ResultTypes<R>;
  static constexpr std::string_view kName = "Future";
  static constexpr bool kFixed = false;
  static constexpr bool kIsHandle = true;

  static void encode(detail::Writer& out, const Future<R>& future) {
    detail::encode_future(out, detail::FutureAccess::pointer_of(future));
  }
  static Future<R> decode(detail::Reader& in) { return Future<R>(detail::decode_future<R>(in)); }
};

template <>
struct Codec<AnyFuture> {
  using Parts = detail::Types<>;
  static constexpr std::string_view kName = "AnyFuture";
  static constexpr bool kFixed = false;
  static constexpr bool kIsHandle = true;

  /// \throws TransferError if its result cannot be sent
  static void encode(detail::Writer& out, const AnyFuture& future) {
    const auto& state = detail::FutureAccess::pointer_of(future);
    if (state == nullptr) return out.plain(detail::HandleId{}.value);
    const detail::CodeToken maker = state->maker();
    out.handle(state->share());
    out.keep(state);
    detail::encode_token(out, maker);
  }
  static AnyFuture decode(detail::Reader& in) {
    const detail::HandleId id = in.handle();
    if (id == detail::HandleId{}) return {};
    auto* const make = detail::function_of_token<detail::FutureMaker>(detail::decode_token(in));
    return detail::FutureAccess::make<AnyFuture>(make(id));
  }
};

namespace detail {

/// For a Waitable that holds it.
template <class F>
  requires std::derived_from<F, FutureMethods<F>>
std::shared_ptr<FutureBase> future_state(const F& future) {
  return FutureAccess::state_of(future).shared_from_this();
}

}  // namespace detail
}  // namespace multiprocessing

template <class R>
struct std::hash<multiprocessing::Future<R>> {
  std::size_t operator()(const multiprocessing::Future<R>& future) const noexcept {
    return std::hash<const void*>{}(future.state_.get());
  }
};
template <>
struct std::hash<multiprocessing::AnyFuture> {
  std::size_t operator()(const multiprocessing::AnyFuture& future) const noexcept {
    return std::hash<const void*>{}(future.state_.get());
  }
};
/// An order, so that a future may be the key of a std::map.
template <class R>
struct std::less<multiprocessing::Future<R>> {
  bool operator()(const multiprocessing::Future<R>& a,
                  const multiprocessing::Future<R>& b) const noexcept {
    return std::hash<multiprocessing::Future<R>>{}(a) < std::hash<multiprocessing::Future<R>>{}(b);
  }
};
