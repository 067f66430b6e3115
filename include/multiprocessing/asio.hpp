#pragma once

/// \file multiprocessing/asio.hpp
/// Waits for a Future within Boost.Asio: `async_wait(future, completion_token)`. Optional, and not
/// in multiprocessing.hpp. Asio's coroutines accept no foreign awaiters, so `co_await future` is
/// not for them.
///
///   sharing   as Future
///   threads   may be called concurrently; the handler runs where its associated executor says, and
///             never within the call
///   ordering  what the task wrote is visible in the handler
///   death     of the worker process: the handler gets WorkerDied
///
/// \code
///   boost::asio::awaitable<void> serve(mp::ProcessPoolExecutor& executor) {
///     auto future = executor.submit(square, 7);
///     std::cout << co_await mp::async_wait(future, boost::asio::use_awaitable);
///   }
/// \endcode

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <concepts>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include <multiprocessing/futures.hpp>

namespace multiprocessing {

namespace detail {

template <class R>
struct AsioSignature {
  using type = void(std::exception_ptr, R);
};
template <>
struct AsioSignature<void> {
  using type = void(std::exception_ptr);
};

/// Calls `handler` with what `future`, which is done, has.
template <class R, class Handler>
void call_with_result(Handler handler, const Future<R>& future) {
  std::exception_ptr error;
  if constexpr (std::is_void_v<R>) {
    try {
      future.result();
    } catch (...) {
      error = std::current_exception();
    }
    std::move(handler)(error);
  } else {
    std::optional<R> value;
    try {
      value.emplace(future.result());
    } catch (...) {
      error = std::current_exception();
      value.emplace();
    }
    std::move(handler)(error, std::move(*value));
  }
}

/// Until it is done: keeps the handler, and the executor on which that will run, from going.
template <class Handler>
struct AsioWait {
  explicit AsioWait(Handler given)
      : handler(std::move(given)), work(boost::asio::get_associated_executor(handler)) {}

  Handler handler;
  boost::asio::executor_work_guard<boost::asio::associated_executor_t<Handler>> work;
};

struct StartAsioWait {
  template <class Handler, class R>
  void operator()(Handler&& handler, const Future<R>& future) const {
    using Wait = AsioWait<std::decay_t<Handler>>;
    // Shared, as callbacks are copied.
    auto wait = std::make_shared<Wait>(std::forward<Handler>(handler));
    future.add_done_callback([wait = std::move(wait)](const Future<R>& done) mutable {
      const auto executor = wait->work.get_executor();
      boost::asio::post(executor, [wait = std::move(wait), done] {
        auto last = std::move(wait->handler);
        wait->work.reset();
        call_with_result<R>(std::move(last), done);
      });
    });
  }
};

}  // namespace detail

/// Completes with `void(std::exception_ptr, R)`, or `void(std::exception_ptr)` where R is void,
/// once the future is done: a coroutine has the result, or the exception is thrown there. Neither
/// waits nor blocks. Cancelling the operation has no effect: cancel the future.
template <class R, class CompletionToken>
auto async_wait(Future<R> future, CompletionToken&& token) {
  if constexpr (!std::is_void_v<R>) {
    static_assert(std::default_initializable<R>,
                  "Asio's handlers get a default-made result beside an exception: have the task "
                  "return a std::optional or a std::unique_ptr");
  }
  return boost::asio::async_initiate<CompletionToken, typename detail::AsioSignature<R>::type>(
      detail::StartAsioWait{}, token, std::move(future));
}

}  // namespace multiprocessing
