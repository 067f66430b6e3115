#pragma once

/// \file multiprocessing/detail/task.hpp
/// A call that is made in another process: a token of an instantiated trampoline, the callable's
/// state and the arguments.

#include <cstddef>
#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>

#include <multiprocessing/detail/callable.hpp>
#include <multiprocessing/detail/token.hpp>

namespace multiprocessing::detail {

/// Decodes the callable's state and the arguments, calls, encodes the result (nothing for void).
/// What the callable throws, or TransferError, comes out of it.
using Trampoline = void (*)(Reader& in, Writer& out);

/// Arguments arrive as rvalues, or, if the callable will not have them, as lvalues.
// NOLINTNEXTLINE(misc-redundant-expression): without arguments they are the same
template <class F, class... Args>
inline constexpr bool kTakesArgs =
    std::is_invocable_v<F&, Args...> || std::is_invocable_v<F&, Args&...>;

template <class F, class Args>
decltype(auto) apply_task(F& function, Args& args) {
  return std::apply(
      [&]<class... A>(A&... arg) -> decltype(auto) {
        if constexpr (std::is_invocable_v<F&, A...>) {
          return std::invoke(function, std::move(arg)...);
        } else {
          return std::invoke(function, arg...);
        }
      },
      args);
}

template <class F, class... Args>
struct TaskResult {  // void also for what cannot be called: the reason is given elsewhere
  using type = void;
};
template <class F, class... Args>
  requires std::is_invocable_v<F&, Args...>
struct TaskResult<F, Args...> {
  using type = std::invoke_result_t<F&, Args...>;
};
template <class F, class... Args>
  requires(!std::is_invocable_v<F&, Args...> && std::is_invocable_v<F&, Args&...>)
struct TaskResult<F, Args...> {
  using type = std::invoke_result_t<F&, Args&...>;
};

template <class R>
struct StoredResult {
  using type = stored_t<R>;
};
template <class R>
  requires std::is_void_v<R>
struct StoredResult<R> {
  using type = void;
};

/// A span may be an argument: its elements are copied into the message.
template <class Arg>
inline constexpr bool kArgOk = is_transferable_v<Arg> || kSpanOf<Arg>;

/// F and Args as stored: decayed, text as std::string. See TaskOf.
template <class F, class... Args>
struct Task {
  using Result = typename StoredResult<typename TaskResult<F, Args...>::type>::type;

  /// All of it can be sent and called.
  static constexpr bool kOk = [] {
    if constexpr (is_transferable_v<F> && kTakesArgs<F, Args...>) {
      if constexpr (std::is_void_v<Result>) {
        return (kArgOk<Args> && ...);
      } else {
        return (kArgOk<Args> && ...) && is_transferable_v<Result>;
      }
    } else {
      return false;
    }
  }();

  /// Writes the state of `function` and the arguments, each convertible to its Args.
  template <class... Sent>
  static void encode(Writer& out, const F& function, const Sent&... args) {
    encode_value(out, function);
    encode_args(out, std::index_sequence_for<Args...>{}, args...);
  }

  static void run(Reader& in, Writer& out) {
    F function = decode_value<F>(in);
    auto args = decode_args(in, std::index_sequence_for<Args...>{});
    if constexpr (std::is_void_v<Result>) {
      apply_task(function, args);
    } else {
      encode_as<Result>(out, apply_task(function, args));
    }
  }

  /// Names `run` in every process of the family.
  static CodeToken token() {
    static const CodeToken named = token_of_function(&Task::run);
    return named;
  }

 private:
  template <std::size_t... I, class... Sent>
  static void encode_args(Writer& out, std::index_sequence<I...>, const Sent&... args) {
    (encode_as<arriving_t<F, I, Args>>(out, args), ...);
  }
  template <std::size_t... I>
  static auto decode_args(Reader& in, std::index_sequence<I...>) {
    return std::tuple<arriving_t<F, I, Args>...>{decode_as<arriving_t<F, I, Args>>(in)...};
  }
};

/// The Task of a callable and arguments as the user wrote them.
template <class F, class... Args>
using TaskOf = Task<std::decay_t<F>, stored_t<Args>...>;

/// Its result as stored: what a Future or AsyncResult holds.
template <class F, class... Args>
using task_result_t = typename TaskOf<F, Args...>::Result;

template <class F, class... Args>
inline constexpr bool is_task_v = TaskOf<F, Args...>::kOk;

template <class Arg, class... Args>
constexpr auto why_not_arguments() {
  if constexpr (kArgOk<Arg>) {
    return why_not_arguments<Args...>();
  } else {
    return why_not<Arg>();
  }
}

/// The reason; void if it can. F and Args as stored.
template <class F, class... Args>
constexpr auto why_not_task() {
  if constexpr (!is_transferable_v<F>) {
    return why_not_callable<F>();
  } else if constexpr (!(kArgOk<Args> && ...)) {
    return why_not_arguments<Args...>();
  } else if constexpr (!kTakesArgs<F, Args...>) {
    return DoesNotTake<F, Args...>{};
  } else if constexpr (!std::is_void_v<typename Task<F, Args...>::Result>) {
    return why_not<typename Task<F, Args...>::Result>();
  }
}
template <class F, class... Args>
using why_not_task_t = decltype(why_not_task<std::decay_t<F>, stored_t<Args>...>());

/// Stands for a result where the compiler has been stopped: no second message shall follow.
struct Refused {
  template <class T>
  operator T() const;  // NOLINT(google-explicit-constructor)
};

/// Stops the compiler, with the reason, if `f(args...)` cannot be called in another process.
template <class F, class... Args>
constexpr void require_callable() {
  require_transferable<F, why_not_task_t<F, Args...>>();
}

template <class F, class... Args>
void run_task(Reader& in, Writer& out) {
  TaskOf<F, Args...>::run(in, out);
}

template <class F, class... Args>
CodeToken token_of() {
  return TaskOf<F, Args...>::token();
}

/// encode_task(out, f, args...) writes what run_task<F, Args...> reads.
template <class F, class... Args>
void encode_task(Writer& out, const F& function, const Args&... args) {
  if constexpr (std::is_function_v<F>) {
    TaskOf<F, Args...>::encode(out, &function, args...);
  } else {
    TaskOf<F, Args...>::encode(out, function, args...);
  }
}

/// The callable's name for tracebacks and titles.
template <class F>
std::string callable_name(const F& function) {
  if constexpr (std::is_function_v<F>) {
    return function_name(reinterpret_cast<const void*>(&function));
  } else if constexpr (std::is_pointer_v<F>) {
    return function_name(reinterpret_cast<const void*>(function));
  } else {
    return type_name<F>();
  }
}

}  // namespace multiprocessing::detail
