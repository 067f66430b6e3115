#pragma once

/// \file multiprocessing/detail/executor_map.hpp
/// The map of an executor in the forms in which it may be called, which are public. Mirrors
/// `concurrent.futures.Executor.map`.
///
///   sharing   the range that it returns belongs to the process of its executor
///   threads   may be called concurrently; one thread reads the range
///   ordering  what the task wrote is visible when its item comes out
///   death     of a worker process: its items are WorkerDied, the others come out
///
/// \code
///   for (int x : executor.map(square, {1, 2, 3})) std::cout << x;
///   auto sums = executor.map(std::plus<int>(), range(10), numbers, {.chunksize = 5});
/// \endcode

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <ranges>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <multiprocessing/detail/pool_map.hpp>
#include <multiprocessing/detail/task.hpp>
#include <multiprocessing/detail/timeout.hpp>

namespace multiprocessing {

/// How Executor::map goes about it.
struct MapOptions {
  Timeout timeout{};           // counts from the call; each result must be there by then
  std::int64_t chunksize = 1;  // elements a task
  std::optional<std::int64_t> buffersize{};  // tasks out at the most; empty: four a worker
};

namespace detail {

/// Why `f` cannot be called with elements of these ranges; void if it can. See
/// require_transferable.
template <bool kSends, class F, class... Ranges>
constexpr auto why_not_elements() {
  using D = std::decay_t<F>;
  if constexpr (kSends) {
    return why_not_task<D, item_t<Ranges>...>();
  } else if constexpr (!kTakesArgs<D, item_t<Ranges>...>) {
    return DoesNotTake<D, item_t<Ranges>...>{};
  }
}
template <bool kSends, class F, class... Ranges>
using why_not_elements_t = decltype(why_not_elements<kSends, F, Ranges...>());

template <class T>
inline constexpr bool kIsMapOptions = std::is_same_v<std::decay_t<T>, MapOptions>;

/// How many of these come before the options.
template <class... T>
consteval std::size_t ranges_among() {
  constexpr bool kOptions[] = {kIsMapOptions<T>..., true};
  std::size_t count = 0;
  while (!kOptions[count]) ++count;
  return count;
}

/// A call of map, where options may follow the ranges.
template <bool kSends, class F, class... RangesAndOptions>
struct MapCall {
  using All = std::tuple<RangesAndOptions...>;
  using Ranges = std::make_index_sequence<ranges_among<RangesAndOptions...>()>;

  template <std::size_t... I>
  static why_not_elements_t<kSends, F, std::tuple_element_t<I, All>...> look(
      std::index_sequence<I...>);
  using Why = decltype(look(Ranges{}));
};

template <class Derived>
class MapMethods {
 public:
  /// A lazy range of `f(a, b, ...)` over the elements of the ranges, in their order, up to the end
  /// of the shortest; MapOptions may come last, also in braces: `map(f, a, {.chunksize = 3})`. The
  /// input is read as results are, some tasks ahead. The first failure is thrown in its place;
  /// reading may go on after it. Tasks that have not begun when the range goes are cancelled. An
  /// lvalue must outlive the reading.
  /// \throws ValueError after shutdown, or for options that make no sense
  template <class F, class A, class B = MapOptions, class C = MapOptions, class D = MapOptions,
            class... More>
  [[nodiscard]] auto map(F&& f, A&& a, B&& b = {}, C&& c = {}, D&& d = {}, More&&... more) {
    using Call = MapCall<Derived::kSends, F, A, B, C, D, More...>;
    require_transferable<F, typename Call::Why>();
    return over<typename Call::Why>(
        typename Call::Ranges{}, std::forward<F>(f),
        std::forward_as_tuple(std::forward<A>(a), std::forward<B>(b), std::forward<C>(c),
                              std::forward<D>(d), std::forward<More>(more)...));
  }
  /// The elements may stand in braces, too: `map(f, {1, 2, 3})`.
  template <class F, class T>
  [[nodiscard]] auto map(F&& f, std::initializer_list<T> list, const MapOptions& options = {}) {
    require_transferable<F, why_not_elements_t<Derived::kSends, F, std::vector<T>>>();
    return map(std::forward<F>(f), std::vector<T>(list), options);
  }
  void map(...) = delete;  // an overloaded name: wrap it in a lambda

 private:
  friend Derived;
  MapMethods() noexcept = default;

  template <class Why, std::size_t... I, class F, class... T>
  auto over(std::index_sequence<I...> /*ranges*/, F&& f, std::tuple<T...> all) {
    if constexpr (!std::is_void_v<Why>) {  // the compiler has been stopped: no second message
      return std::ranges::empty_view<std::monostate>{};
    } else {
      MapOptions options;
      if constexpr (sizeof...(I) < sizeof...(T)) options = std::get<sizeof...(I)>(all);
      return static_cast<Derived&>(*this).map_over(options, std::forward<F>(f),
                                                   std::get<I>(std::move(all))...);
    }
  }
};

}  // namespace detail
}  // namespace multiprocessing
