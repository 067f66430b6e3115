#pragma once

/// \file multiprocessing/detail/codec_values.hpp
/// Codecs of the standard vocabulary: pair, tuple, optional, variant, smart pointers, chrono,
/// complex, filesystem::path, exception_ptr.

#include <array>
#include <chrono>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include <multiprocessing/detail/codec_plain.hpp>
#include <multiprocessing/detail/exception.hpp>

namespace multiprocessing::detail {

/// Classes of the standard library whose bytes mean the same everywhere.
template <class T, class... P>
struct PlainCodec {
  using Parts = Types<P...>;
  static constexpr bool kFixed = true;
  static void encode(Writer& out, const T& value) { encode_plain(out, value); }
  static T decode(Reader& in) { return decode_plain<T>(in); }
};

/// Null, or an object of its own: two pointers to one object arrive as two objects.
template <class Pointer, class T>
struct PointerCodec {
  using Parts = Types<T>;
  static constexpr std::string_view kName = "pointer";
  static constexpr bool kFixed = false;

  static void encode(Writer& out, const Pointer& pointer) {
    encode_value(out, pointer != nullptr);
    if (pointer != nullptr) encode_value(out, *pointer);
  }
  static Pointer decode(Reader& in) {
    if (!decode_value<bool>(in)) return nullptr;
    return Pointer(new T(decode_value<T>(in)));
  }
};

}  // namespace multiprocessing::detail

namespace multiprocessing {

template <class A, class B>
struct Codec<std::pair<A, B>> {
  using Parts = detail::Types<A, B>;
  static constexpr std::string_view kName = "tuple";
  static constexpr bool kFixed = false;

  static void encode(detail::Writer& out, const std::pair<A, B>& pair) {
    detail::encode_value(out, pair.first);
    detail::encode_value(out, pair.second);
  }
  static std::pair<A, B> decode(detail::Reader& in) {
    return {detail::decode_value<std::remove_cv_t<A>>(in),
            detail::decode_value<std::remove_cv_t<B>>(in)};
  }
};

template <class... T>
struct Codec<std::tuple<T...>> {
  using Parts = detail::Types<T...>;
  static constexpr std::string_view kName = "tuple";
  static constexpr bool kFixed = false;

  static void encode(detail::Writer& out, const std::tuple<T...>& tuple) {
    if constexpr (sizeof...(T) == 0) out.plain(std::byte{0});
    std::apply([&](const T&... part) { (detail::encode_value(out, part), ...); }, tuple);
  }
  static std::tuple<T...> decode(detail::Reader& in) {
    if constexpr (sizeof...(T) == 0) in.take(1);
    return std::tuple<T...>{detail::decode_value<std::remove_cv_t<T>>(in)...};
  }
};

template <class T>
struct Codec<std::optional<T>> {
  using Parts = detail::Types<T>;
  static constexpr std::string_view kName = "optional";
  static constexpr bool kFixed = false;

  static void encode(detail::Writer& out, const std::optional<T>& optional) {
    detail::encode_value(out, optional.has_value());
    if (optional) detail::encode_value(out, *optional);
  }
  static std::optional<T> decode(detail::Reader& in) {
    if (!detail::decode_value<bool>(in)) return std::nullopt;
    return std::optional<T>(std::in_place, detail::decode_value<std::remove_cv_t<T>>(in));
  }
};

template <>
struct Codec<std::monostate> : detail::PlainCodec<std::monostate> {
  static constexpr std::string_view kName = "monostate";
};

template <class... T>
struct Codec<std::variant<T...>> {
  using Variant = std::variant<T...>;
  using Parts = detail::Types<T...>;
  static constexpr std::string_view kName = "variant";
  static constexpr bool kFixed = false;

  static void encode(detail::Writer& out, const Variant& variant) {
    if (variant.valueless_by_exception()) detail::throw_malformed("a variant without a value");
    out.plain(static_cast<std::uint32_t>(variant.index()));
    std::visit([&](const auto& value) { detail::encode_value(out, value); }, variant);
  }
  static Variant decode(detail::Reader& in) {
    const auto index = in.plain<std::uint32_t>();
    if (index >= sizeof...(T)) detail::throw_malformed("no such alternative of a variant");
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      using Make = Variant (*)(detail::Reader&);
      constexpr std::array<Make, sizeof...(T)> kMake{&make<I>...};
      return kMake[index](in);
    }(std::index_sequence_for<T...>{});
  }

 private:
  template <std::size_t I>
  static Variant make(detail::Reader& in) {
    using Alternative = std::variant_alternative_t<I, Variant>;
    return Variant(std::in_place_index<I>, detail::decode_value<Alternative>(in));
  }
};

template <class T>
  requires(!std::is_polymorphic_v<T> && !std::is_array_v<T>)
struct Codec<std::unique_ptr<T>> : detail::PointerCodec<std::unique_ptr<T>, std::remove_cv_t<T>> {};

template <class T>
  requires(!std::is_polymorphic_v<T> && !std::is_array_v<T>)
struct Codec<std::shared_ptr<T>> : detail::PointerCodec<std::shared_ptr<T>, std::remove_cv_t<T>> {};

template <class Rep, class Period>
struct Codec<std::chrono::duration<Rep, Period>>
    : detail::PlainCodec<std::chrono::duration<Rep, Period>, Rep> {
  static constexpr std::string_view kName = "duration";
  static constexpr std::uint64_t kExtra =
      static_cast<std::uint64_t>(Period::num) * 31 + static_cast<std::uint64_t>(Period::den);
};

template <class Clock, class Duration>
struct Codec<std::chrono::time_point<Clock, Duration>>
    : detail::PlainCodec<std::chrono::time_point<Clock, Duration>, Duration> {
  static constexpr std::string_view kName = "time_point";
  static constexpr std::uint64_t kExtra = [] {
    if constexpr (requires { Clock::is_steady; }) {
      return Clock::is_steady ? 1U : 0U;
    } else {
      return 2U;  // std::chrono::local_t
    }
  }();
};

// The calendar.
template <>
inline constexpr bool trivially_transferable<std::chrono::day> = true;
template <>
inline constexpr bool trivially_transferable<std::chrono::month> = true;
template <>
inline constexpr bool trivially_transferable<std::chrono::year> = true;
template <>
inline constexpr bool trivially_transferable<std::chrono::weekday> = true;
template <>
inline constexpr bool trivially_transferable<std::chrono::weekday_indexed> = true;
template <>
inline constexpr bool trivially_transferable<std::chrono::weekday_last> = true;
template <>
inline constexpr bool trivially_transferable<std::chrono::month_day> = true;
template <>
inline constexpr bool trivially_transferable<std::chrono::month_day_last> = true;
template <>
inline constexpr bool trivially_transferable<std::chrono::month_weekday> = true;
template <>
inline constexpr bool trivially_transferable<std::chrono::month_weekday_last> = true;
template <>
inline constexpr bool trivially_transferable<std::chrono::year_month> = true;
template <>
inline constexpr bool trivially_transferable<std::chrono::year_month_day> = true;
template <>
inline constexpr bool trivially_transferable<std::chrono::year_month_day_last> = true;
template <>
inline constexpr bool trivially_transferable<std::chrono::year_month_weekday> = true;
template <>
inline constexpr bool trivially_transferable<std::chrono::year_month_weekday_last> = true;
template <class Duration>
inline constexpr bool trivially_transferable<std::chrono::hh_mm_ss<Duration>> = true;

template <class T>
struct Codec<std::complex<T>> : detail::PlainCodec<std::complex<T>, T> {
  static constexpr std::string_view kName = "complex";
};

template <>
struct Codec<std::filesystem::path> {
  using Parts = detail::Types<>;
  static constexpr std::string_view kName = "path";
  static constexpr bool kFixed = false;

  static void encode(detail::Writer& out, const std::filesystem::path& path) {
    detail::encode_array(out, path.native().data(), path.native().size());
  }
  static std::filesystem::path decode(detail::Reader& in) {
    return detail::decode_array<std::string>(in);
  }
};

template <>
struct Codec<std::exception_ptr> {
  using Parts = detail::Types<>;
  static constexpr std::string_view kName = "exception_ptr";
  static constexpr bool kFixed = false;

  static void encode(detail::Writer& out, const std::exception_ptr& exception) {
    detail::encode_exception(out, exception);
  }
  static std::exception_ptr decode(detail::Reader& in) { return detail::decode_exception(in); }
};

}  // namespace multiprocessing
