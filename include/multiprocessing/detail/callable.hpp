#pragma once

/// \file multiprocessing/detail/callable.hpp
/// Callables as values. `partial`, `by_value` and TransferableCallable are public.

#include <cstddef>
#include <functional>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include <multiprocessing/detail/codec.hpp>

namespace multiprocessing {

/// A callable with its first arguments bound; made by `partial`.
template <class F, class... Bound>
class Partial {
 public:
  Partial(F function, std::tuple<Bound...> bound)
      : function_(std::move(function)), bound_(std::move(bound)) {}

  template <class... Args>
    requires std::is_invocable_v<F&, Bound&..., Args...>
  decltype(auto) operator()(Args&&... args) {
    return std::apply(
        [&](Bound&... bound) -> decltype(auto) {
          return std::invoke(function_, bound..., std::forward<Args>(args)...);
        },
        bound_);
  }
  template <class... Args>
    requires std::is_invocable_v<const F&, const Bound&..., Args...>
  decltype(auto) operator()(Args&&... args) const {
    return std::apply(
        [&](const Bound&... bound) -> decltype(auto) {
          return std::invoke(function_, bound..., std::forward<Args>(args)...);
        },
        bound_);
  }

 private:
  friend struct Codec<Partial>;
  F function_;
  std::tuple<Bound...> bound_;
};

/// A closure whose owner vouches that it captures by value only; made by `by_value`.
template <class Closure>
class ByValue : public Closure {
 public:
  explicit ByValue(Closure closure) : Closure(std::move(closure)) {}
  using Closure::operator();
};

/// `f` with its first arguments bound, as Python's functools.partial.
template <class F, class... Args>
auto partial(F&& f, Args&&... args) {
  return Partial<std::decay_t<F>, detail::stored_t<Args>...>(
      std::forward<F>(f), std::tuple<detail::stored_t<Args>...>(std::forward<Args>(args)...));
}

/// Lets a lambda that captures travel as its bytes. The caller vouches that it captures numbers and
/// the like by value: no references, no pointers, no `this`.
template <class Closure>
auto by_value(Closure closure) {
  static_assert(std::is_trivially_copyable_v<Closure>,
                "by_value takes lambdas that capture numbers and the like by value; bind strings, "
                "containers and handles with partial(f, args...)");
  return ByValue<Closure>(std::move(closure));
}

template <class F, class... Bound>
struct Codec<Partial<F, Bound...>> {
  using Parts = detail::Types<F, Bound...>;
  static constexpr std::string_view kName = "partial";
  static constexpr bool kFixed = false;

  static void encode(detail::Writer& out, const Partial<F, Bound...>& partial) {
    detail::encode_value(out, partial.function_);
    detail::encode_value(out, partial.bound_);
  }
  static Partial<F, Bound...> decode(detail::Reader& in) {
    F function = detail::decode_value<F>(in);
    return {std::move(function), detail::decode_value<std::tuple<Bound...>>(in)};
  }
};

template <class Closure>
struct Codec<ByValue<Closure>> {
  using Parts = detail::Types<>;
  static constexpr std::string_view kName = "by_value";
  static constexpr bool kFixed = true;

  static void encode(detail::Writer& out, const ByValue<Closure>& closure) { out.plain(closure); }
  static ByValue<Closure> decode(detail::Reader& in) {
    if (!in.trusted()) detail::throw_untrusted("a function");
    return detail::decode_plain<ByValue<Closure>>(in);
  }
};

/// What may be sent to another process to be called there.
template <class F>
concept TransferableCallable =
    is_transferable_v<std::decay_t<F>> &&
    (detail::CodePointer<std::decay_t<F>> || std::is_class_v<std::decay_t<F>>);

}  // namespace multiprocessing

namespace multiprocessing::detail {

/// The type of parameter I of a callable with one signature; void if that cannot be known.
template <std::size_t I, class... Params>
struct NthParam {
  using type = void;
};
template <std::size_t I, class... Params>
  requires(I < sizeof...(Params))
struct NthParam<I, Params...> {
  using type = std::tuple_element_t<I, std::tuple<Params...>>;
};

template <class F, std::size_t I>
struct Param : NthParam<I> {};
template <class R, class... P, std::size_t I>
struct Param<R (*)(P...), I> : NthParam<I, P...> {};
template <class R, class... P, std::size_t I>
struct Param<R (*)(P...) noexcept, I> : NthParam<I, P...> {};
template <class R, class C, class... P, std::size_t I>
struct Param<R (C::*)(P...), I> : NthParam<I, C&, P...> {};
template <class R, class C, class... P, std::size_t I>
struct Param<R (C::*)(P...) const, I> : NthParam<I, const C&, P...> {};
template <class R, class C, class... P, std::size_t I>
struct Param<R (C::*)(P...) noexcept, I> : NthParam<I, C&, P...> {};
template <class R, class C, class... P, std::size_t I>
struct Param<R (C::*)(P...) const noexcept, I> : NthParam<I, const C&, P...> {};
template <class F, std::size_t I>
  requires requires { &F::operator(); }
struct Param<F, I> : Param<decltype(&F::operator()), I + 1> {};
template <class F, class... Bound, std::size_t I>
struct Param<Partial<F, Bound...>, I> : Param<F, I + sizeof...(Bound)> {};

/// All of them; none also if they cannot be known.
template <class F, class... P>
constexpr auto params_of() {
  using Next = typename Param<F, sizeof...(P)>::type;
  if constexpr (std::is_void_v<Next>) {
    return Types<P...>{};
  } else {
    return params_of<F, P..., Next>();
  }
}
template <class F>
using params_t = decltype(params_of<F>());

template <class T>
inline constexpr bool kSpanOf = false;
template <class T>
inline constexpr bool kSpanOf<std::span<const T>> = is_plain_v<T>;

template <class Range, class Span>
concept SentInPlace = PlainArray<Range> && kSpanOf<Span> &&
                      std::same_as<typename Range::value_type, typename Span::value_type>;

/// As what an argument arrives: as a span into the message where the callable takes one.
template <class F, std::size_t I, class Arg>
struct ArrivingArg {
  using P = std::remove_cvref_t<typename Param<F, I>::type>;
  using type = typename std::conditional_t<SentInPlace<Arg, P>, std::type_identity<P>,
                                           std::type_identity<Arg>>::type;
};
template <class F, std::size_t I, class Arg>
using arriving_t = typename ArrivingArg<F, I, Arg>::type;

/// Writes `arg` so that it can arrive as a T.
template <class T, class Arg>
void encode_as(Writer& out, const Arg& arg) {
  if constexpr (std::is_same_v<T, Arg>) {
    if constexpr (kSpanOf<T>) {
      encode_array(out, arg.data(), arg.size());
    } else {
      encode_value(out, arg);
    }
  } else if constexpr (kSpanOf<T>) {
    encode_array(out, arg.data(), arg.size());
  } else {
    encode_value(out, T(arg));
  }
}

template <class T>
T decode_as(Reader& in) {
  if constexpr (kSpanOf<T>) {
    return decode_span<typename T::value_type>(in);
  } else {
    return decode_value<T>(in);
  }
}

/// A callable that holds what cannot be looked into: a lambda that captures, a std::function.
template <class D>
inline constexpr bool kIsOpaque = !is_transferable_v<D> && std::is_class_v<D> && !Specialized<D> &&
                                  !FieldByField<D> && !HasSerialize<D> && !HasBase<D>;

/// The reason; void if it may be sent.
template <class D>
constexpr auto why_not_callable() {
  if constexpr (kIsOpaque<D>) {
    return HoldsSomething<D>{};
  } else {
    return why_not<D>();
  }
}
template <class F>
using why_not_callable_t = decltype(why_not_callable<std::decay_t<F>>());

}  // namespace multiprocessing::detail
