#pragma once

/// \file multiprocessing/detail/codec_plain.hpp
/// Values whose bytes are copied as they are, one or many.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

#include <multiprocessing/detail/codec_stream.hpp>
#include <multiprocessing/detail/transferable.hpp>

namespace multiprocessing::detail {

template <class T>
void encode_value(Writer& out, const T& value);
template <class T>
T decode_value(Reader& in);

/// Has a bool somewhere that bytes of a stranger could make neither true nor false.
template <class T_>
consteval bool holds_bool() {
  using T = std::remove_cv_t<std::remove_all_extents_t<T_>>;
  if constexpr (std::is_same_v<T, bool>) {
    return true;
  } else if constexpr (!std::is_class_v<T> || trivially_transferable<T> || std::is_empty_v<T>) {
    return false;
  } else if constexpr (Specialized<T>) {
    return []<class... P>(Types<P...>) {
      return (holds_bool<P>() || ...);
    }(typename Codec<T>::Parts{});
  } else {
    return []<class... F>(Types<F...>) { return (holds_bool<F>() || ...); }(FieldsOf<T>{});
  }
}

template <class T>
void check_bools(const T& value) {
  if constexpr (std::is_same_v<std::remove_cv_t<T>, bool>) {
    unsigned char byte = 0;
    std::memcpy(&byte, &value, 1);
    if (byte > 1) throw_malformed("a bool is neither true nor false");
  } else if constexpr (!holds_bool<T>()) {
  } else if constexpr (std::is_array_v<T>) {
    for (const auto& element : value) check_bools(element);
  } else if constexpr (Specialized<T>) {  // std::array
    for (const auto& element : value) check_bools(element);
  } else {
    for_each_field(value, [](const auto& field) { check_bools(field); });
  }
}

template <class T>
void encode_plain(Writer& out, const T& value) {
  static_assert(std::is_trivially_copyable_v<T>,
                "trivially_transferable is for trivially copyable classes only");
#if defined(__has_builtin)
#if __has_builtin(__builtin_clear_padding)
  if constexpr (std::is_class_v<T> && !std::has_unique_object_representations_v<T>) {
    T copy = value;
    __builtin_clear_padding(&copy);  // what lay there before is nobody else's business
    out.plain(copy);
    return;
  }
#endif
#endif
  out.plain(value);
}

template <class T>
T decode_plain(Reader& in) {
  const auto bytes = in.plain<std::array<std::byte, sizeof(T)>>();
  if constexpr (std::is_same_v<T, bool>) {
    if (static_cast<unsigned char>(bytes[0]) > 1)
      throw_malformed("a bool is neither true nor false");
    return bytes[0] != std::byte{0};
  } else {
    const T value = std::bit_cast<T>(bytes);
    if (holds_bool<T>() && !in.trusted()) check_bools(value);
    return value;
  }
}

/// Contiguous plain elements: count, padding, bytes.
template <class T>
void encode_array(Writer& out, const T* first, std::size_t count) {
  out.plain(std::uint64_t{count});
  if constexpr (alignof(T) > 1) out.align(alignof(T));
  out.bytes(first, count * sizeof(T));
}

/// The elements in place. Their address is aligned if the message is.
template <class T>
const std::byte* take_array(Reader& in, std::size_t& count) {
  count = in.count(sizeof(T));
  if constexpr (alignof(T) > 1) in.align(alignof(T));
  return in.take(count * sizeof(T));
}

/// Valid as long as the message is. \throws TransferError if the message lies unaligned.
template <class T>
std::span<const T> decode_span(Reader& in) {
  std::size_t count = 0;
  const std::byte* bytes = take_array<T>(in, count);
  if (reinterpret_cast<std::uintptr_t>(bytes) % alignof(T) != 0) {
    throw_malformed("an array lies unaligned");
  }
  const std::span<const T> elements{reinterpret_cast<const T*>(bytes), count};
  if (holds_bool<T>() && !in.trusted()) {
    for (const T& element : elements) check_bools(element);
  }
  return elements;
}

/// The elements copied into a container with `Sequence(first, last)`.
template <class Sequence>
Sequence decode_array(Reader& in) {
  using T = typename Sequence::value_type;
  const Reader before = in;
  std::size_t count = 0;
  const std::byte* bytes = take_array<T>(in, count);
  if (reinterpret_cast<std::uintptr_t>(bytes) % alignof(T) == 0) {
    in = before;
    const auto elements = decode_span<T>(in);
    return Sequence(elements.begin(), elements.end());
  }
  Sequence sequence;
  sequence.reserve(count);
  Reader each(bytes, count * sizeof(T), in.trusted());
  for (std::size_t i = 0; i < count; ++i) sequence.push_back(decode_plain<T>(each));
  return sequence;
}

}  // namespace multiprocessing::detail
