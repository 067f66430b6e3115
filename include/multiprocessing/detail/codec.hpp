#pragma once

/// \file multiprocessing/detail/codec.hpp
/// Values as bytes: `encode_value(writer, v)` and `decode_value<T>(reader)` for every transferable
/// T. Every value takes at least one byte, so that a wrong count is found before memory is spent.

#include <multiprocessing/detail/transferable.hpp>  // first: its messages name the way to it

#include <concepts>
#include <cstddef>
#include <exception>
#include <type_traits>

#include <multiprocessing/detail/codec_containers.hpp>
#include <multiprocessing/detail/codec_stream.hpp>
#include <multiprocessing/detail/codec_values.hpp>
#include <multiprocessing/detail/schema.hpp>
#include <multiprocessing/detail/token.hpp>

namespace multiprocessing {

/// Plain bytes, handles, function addresses and aggregates; the rest are specializations.
template <class T>
struct Codec {
  using Unspecialized = void;
  static constexpr bool kFixed = detail::is_plain_v<T>;

  static void encode(detail::Writer& out, const T& value) {
    if constexpr (!is_transferable_v<T>) {
      detail::require_transferable<T>();
    } else if constexpr (detail::is_plain_v<T>) {
      detail::encode_plain(out, value);
    } else if constexpr (detail::SharedHandle<T>) {
      out.handle(value.handle_id());
    } else if constexpr (detail::CodePointer<T>) {
      detail::encode_code_pointer(out, static_cast<const void*>(&value), sizeof value);
    } else {
      const detail::Nested<detail::Writer> level(out);
      detail::for_each_field(value, [&](const auto& field) { detail::encode_value(out, field); });
    }
  }

  static T decode(detail::Reader& in) {
    if constexpr (!is_transferable_v<T>) {
      detail::require_transferable<T>();
      std::terminate();
    } else if constexpr (detail::is_plain_v<T>) {
      return detail::decode_plain<T>(in);
    } else if constexpr (detail::SharedHandle<T>) {
      return T::from_handle_id(in.handle());
    } else if constexpr (detail::CodePointer<T>) {
      return detail::decode_code_pointer<T>(in);
    } else {
      const detail::Nested<detail::Reader> level(in);
      return detail::build<T>([&]<class F> { return detail::decode_value<F>(in); });
    }
  }
};

}  // namespace multiprocessing

namespace multiprocessing::detail {

template <class T>
void encode_value(Writer& out, const T& value) {
  if constexpr (!is_transferable_v<T>) {
    require_transferable<T>();
  } else if constexpr (!std::is_array_v<T>) {
    Codec<std::remove_cv_t<T>>::encode(out, value);
  } else if constexpr (is_plain_v<T>) {
    out.plain(value);
  } else {
    for (const auto& element : value) encode_value(out, element);
  }
}

template <class T>
T decode_value(Reader& in) {
  if constexpr (!is_transferable_v<T>) {
    require_transferable<T>();
    std::terminate();
  } else {
    return Codec<std::remove_cv_t<T>>::decode(in);
  }
}

/// A range that could be copied with one memcpy.
template <class T>
concept PlainArray = requires(const T& range) {
  typename T::value_type;
  { range.data() } -> std::convertible_to<const typename T::value_type*>;
  { range.size() } -> std::convertible_to<std::size_t>;
} && is_plain_v<typename T::value_type> && !SharedHandle<T>;

}  // namespace multiprocessing::detail
