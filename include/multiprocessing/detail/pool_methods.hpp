#pragma once

/// \file multiprocessing/detail/pool_methods.hpp
/// What Pool and ThreadPool have in common, which is public: the calls of Python's Pool.

#include <cstdint>
#include <exception>
#include <functional>
#include <initializer_list>
#include <memory>
#include <ranges>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <multiprocessing/detail/async_result.hpp>
#include <multiprocessing/detail/future_base.hpp>
#include <multiprocessing/detail/outcomes.hpp>
#include <multiprocessing/detail/pool_map.hpp>
#include <multiprocessing/detail/task_options.hpp>

namespace multiprocessing {

/// What apply_async and map_async call, first argument: each is called once, promptly, even if
/// nobody waits; for a Pool on one thread that the library starts at the first callback.
template <class R>
struct Callbacks {
  std::function<void(R)> callback{};
  std::function<void(std::exception_ptr)> error_callback{};
};
template <>
struct Callbacks<void> {
  std::function<void()> callback{};
  std::function<void(std::exception_ptr)> error_callback{};
};

namespace detail {

template <class T>
inline constexpr bool kIsCallOption = std::is_same_v<std::decay_t<T>, TaskOptions>;
template <class R>
inline constexpr bool kIsCallOption<Callbacks<R>> = true;

template <class R>
void call_back(FutureOf<R>& state, const Callbacks<R>& with) {
  if (const auto error = state.error()) {
    if (with.error_callback) with.error_callback(error);
  } else if (!with.callback) {
    return;
  } else if constexpr (std::is_void_v<R>) {
    with.callback();
  } else {
    with.callback(state.take(false));
  }
}

/// Whoever completes it keeps it until then.
template <class R, class Wanted>
AsyncResult<R> with_callbacks(std::shared_ptr<FutureOf<R>> state, Callbacks<Wanted> callbacks) {
  static_assert(std::is_same_v<R, Wanted>, "Callbacks<R> must name the type of the result");
  state->add_done_callback(
      [at = state.get(), callbacks = std::move(callbacks)] { call_back<R>(*at, callbacks); });
  return AsyncResult<R>(std::move(state));
}

/// Why tasks of this pool cannot be run; void on threads, where all can. See require_transferable.
template <class Pool, class F, class... Args>
struct WhyNotCall {
  using type = void;
};
template <class Pool, class F, class... Args>
  requires(Pool::kSends)
struct WhyNotCall<Pool, F, Args...> {
  using type = why_not_task_t<F, Args...>;
};
template <class Pool, bool kStar, class F, class Item>
struct WhyNotMap {
  using type = void;
};
template <class Pool, bool kStar, class F, class Item>
  requires(Pool::kSends)
struct WhyNotMap<Pool, kStar, F, Item> {
  using type = typename ItemCheck<std::decay_t<F>, Item, kStar>::Why;
};
template <class Pool, class F, class... Args>
using why_not_call_t = typename WhyNotCall<Pool, F, Args...>::type;
template <class Pool, bool kStar, class F, class Item>
using why_not_map_t = typename WhyNotMap<Pool, kStar, F, Item>::type;

/// The arguments of a callable that has one signature, to be written in braces.
template <class Params>
struct BracedArgs;
template <class... P>
struct BracedArgs<Types<P...>> : std::tuple<std::remove_cvref_t<P>...> {
  using Tuple = std::tuple<std::remove_cvref_t<P>...>;
  using std::tuple<std::remove_cvref_t<P>...>::tuple;
};
template <class F>
using ArgsOf = BracedArgs<params_t<std::decay_t<F>>>;

/// As what they, or a tuple, are sent.
template <class T>
struct SentTuple {
  using type = T;
};
template <class Params>
struct SentTuple<BracedArgs<Params>> {
  using type = typename BracedArgs<Params>::Tuple;
};
template <class T>
using TupleOf = typename SentTuple<T>::type;

/// The callable of apply_async(f, args...), where TaskOptions may come first, and why not.
template <class Pool, class F, class... Args>
struct CallCheck {
  using Callable = F;
  using Why = why_not_call_t<Pool, F, Args...>;
};
template <class Pool, class Option, class F, class... Args>
  requires(kIsCallOption<std::decay_t<Option>>)
struct CallCheck<Pool, Option, F, Args...> : CallCheck<Pool, F, Args...> {};

template <class Derived>
class PoolMethods {
 public:
  /// Calls `f(args...)` in a worker and waits for the result.
  /// \throws what it throws; WorkerDied, TaskTimeout; ValueError after close
  template <class F, class... Args>
  auto apply(F&& f, Args&&... args) {
    require_transferable<F, why_not_call_t<Derived, F, Args...>>();
    if constexpr (kDoesNotTake<why_not_call_t<Derived, F, Args...>>) {
      return Refused{};
    } else {
      return apply_async(std::forward<F>(f), std::forward<Args>(args)...).get();
    }
  }
  void apply(...) = delete;  // an overloaded name: wrap it in a lambda

  /// Has `f(args...)` called in a worker: AsyncResult<R>. TaskOptions or Callbacks<R> may come
  /// first: `apply_async({.timeout = 3s}, f, a)`.
  template <class F = TaskOptions, class... Args>  // F = TaskOptions: for one in braces
  auto apply_async(F&& f,                          // an overloaded name: wrap it in a lambda
                   Args&&... args) {
    using Check = CallCheck<Derived, F, Args...>;
    require_transferable<typename Check::Callable, typename Check::Why>();
    if constexpr (!kIsCallOption<std::decay_t<F>>) {
      return derived().start_call(nullptr, std::forward<F>(f), std::forward<Args>(args)...);
    } else if constexpr (std::is_same_v<std::decay_t<F>, TaskOptions>) {
      return derived().start_call(&f, std::forward<Args>(args)...);
    } else {
      return with_callbacks(apply_async(std::forward<Args>(args)...).state(), std::forward<F>(f));
    }
  }

  /// `f` of each element, in their order: a vector, or nothing if `f` returns nothing. Elements are
  /// sent in chunks; 0: of a size that makes four for each worker. Waits for all of them, then
  /// throws the first failure in the order of the elements.
  template <class F, std::ranges::input_range Range>
  auto map(F&& f, Range&& range, std::int64_t chunksize = 0) {
    require_transferable<F, why_not_map_t<Derived, false, F, item_t<Range>>>();
    return map_async(std::forward<F>(f), std::forward<Range>(range), chunksize).get();
  }
  template <class F, class T>
  auto map(F&& f, std::initializer_list<T> list, std::int64_t chunksize = 0) {
    require_transferable<F, why_not_map_t<Derived, false, F, item_t<std::initializer_list<T>>>>();
    return map_async(std::forward<F>(f), list, chunksize).get();
  }
  void map(...) = delete;  // not a function and a range; an overloaded name: wrap it in a lambda

  /// The same, without waiting: AsyncResult<std::vector<R>>, or AsyncResult<void>.
  template <class F, std::ranges::input_range Range>
  [[nodiscard]] auto map_async(F&& f, Range&& range, std::int64_t chunksize = 0) {
    require_transferable<F, why_not_map_t<Derived, false, F, item_t<Range>>>();
    return derived().template start_map<false>(std::forward<F>(f), range, chunksize);
  }
  template <class F, class T>
  [[nodiscard]] auto map_async(F&& f, std::initializer_list<T> list, std::int64_t chunksize = 0) {
    require_transferable<F, why_not_map_t<Derived, false, F, item_t<std::initializer_list<T>>>>();
    return derived().template start_map<false>(std::forward<F>(f), list, chunksize);
  }
  /// With Callbacks<std::vector<R>>, or Callbacks<void>, first.
  template <class R, class F, std::ranges::input_range Range>
  auto map_async(Callbacks<R> callbacks, F&& f, Range&& range, std::int64_t chunksize = 0) {
    return with_callbacks(
        map_async(std::forward<F>(f), std::forward<Range>(range), chunksize).state(),
        std::move(callbacks));
  }
  template <class R, class F, class T>
  auto map_async(Callbacks<R> callbacks, F&& f, std::initializer_list<T> list,
                 std::int64_t chunksize = 0) {
    return with_callbacks(map_async(std::forward<F>(f), list, chunksize).state(),
                          std::move(callbacks));
  }
  void map_async(...) = delete;  // an overloaded name: wrap it in a lambda

  /// As map, for a range of tuples or pairs, whose fields are the arguments.
  template <class F, std::ranges::input_range Range>
  auto starmap(F&& f, Range&& range, std::int64_t chunksize = 0) {
    require_transferable<F, why_not_map_t<Derived, true, F, item_t<Range>>>();
    return starmap_async(std::forward<F>(f), std::forward<Range>(range), chunksize).get();
  }
  /// Of a function with one signature the arguments may stand in braces: `{{1, 2}, {3, 4}}`.
  template <class F, class T = ArgsOf<F>>
  auto starmap(F&& f, std::initializer_list<T> list, std::int64_t chunksize = 0) {
    require_transferable<F, why_not_map_t<Derived, true, F, TupleOf<T>>>();
    return starmap_async(std::forward<F>(f), list, chunksize).get();
  }
  void starmap(...) = delete;  // an overloaded name: wrap it in a lambda
  template <class F, std::ranges::input_range Range>
  [[nodiscard]] auto starmap_async(F&& f, Range&& range, std::int64_t chunksize = 0) {
    require_transferable<F, why_not_map_t<Derived, true, F, item_t<Range>>>();
    return derived().template start_map<true>(std::forward<F>(f), range, chunksize);
  }
  template <class F, class T = ArgsOf<F>>
  [[nodiscard]] auto starmap_async(F&& f, std::initializer_list<T> list,
                                   std::int64_t chunksize = 0) {
    require_transferable<F, why_not_map_t<Derived, true, F, TupleOf<T>>>();
    const std::vector<TupleOf<T>> tuples(list.begin(), list.end());
    return derived().template start_map<true>(std::forward<F>(f), tuples, chunksize);
  }
  void starmap_async(...) = delete;  // an overloaded name: wrap it in a lambda

  /// A range of the results in order, each as soon as it is there. The input is read by the thread
  /// that reads the results, some chunks ahead; an lvalue must outlive the reading. Beside begin()
  /// and end() it has `next(Timeout)`, which returns nullopt at the end. Results of a function that
  /// returns nothing are std::monostate.
  template <class F, std::ranges::input_range Range>
  [[nodiscard]] auto imap(F&& f, Range&& range, std::int64_t chunksize = 1) & {
    require_transferable<F, why_not_map_t<Derived, false, F, item_t<Range>>>();
    return derived().template start_stream<true>(std::forward<F>(f), std::forward<Range>(range),
                                                 chunksize);
  }
  template <class F, class T>
  [[nodiscard]] auto imap(F&& f, std::initializer_list<T> list, std::int64_t chunksize = 1) & {
    require_transferable<F, why_not_map_t<Derived, false, F, item_t<std::initializer_list<T>>>>();
    return derived().template start_stream<true>(std::forward<F>(f), std::vector<T>(list),
                                                 chunksize);
  }
  void imap(...) = delete;  // a temporary Pool: name it; an overloaded name: wrap it in a lambda

  /// The same in the order in which they come.
  template <class F, std::ranges::input_range Range>
  [[nodiscard]] auto imap_unordered(F&& f, Range&& range, std::int64_t chunksize = 1) & {
    require_transferable<F, why_not_map_t<Derived, false, F, item_t<Range>>>();
    return derived().template start_stream<false>(std::forward<F>(f), std::forward<Range>(range),
                                                  chunksize);
  }
  template <class F, class T>
  [[nodiscard]] auto imap_unordered(F&& f, std::initializer_list<T> list,
                                    std::int64_t chunksize = 1) & {
    require_transferable<F, why_not_map_t<Derived, false, F, item_t<std::initializer_list<T>>>>();
    return derived().template start_stream<false>(std::forward<F>(f), std::vector<T>(list),
                                                  chunksize);
  }
  void imap_unordered(...) = delete;  // as of imap: name the Pool, or wrap it in a lambda

 private:
  friend Derived;
  PoolMethods() noexcept = default;
  Derived& derived() noexcept { return static_cast<Derived&>(*this); }
};

}  // namespace detail
}  // namespace multiprocessing
