#pragma once

/// \file multiprocessing/detail/dict_repr.hpp
/// Values as Python's repr writes them: 'text', True, 1.0, [1, 2], {'a': 1}, (1, 2), None.

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <optional>
#include <ostream>
#include <ranges>
#include <sstream>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace multiprocessing::detail {

template <class T>
void write_repr(std::ostream& out, const T& value);

inline void write_text_repr(std::ostream& out, std::string_view text) {
  const bool doubled =
      text.find('\'') != std::string_view::npos && text.find('"') == std::string_view::npos;
  const char quote = doubled ? '"' : '\'';
  out << quote;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == quote || c == '\\') {
      out << '\\' << c;
    } else if (c == '\n') {
      out << "\\n";
    } else if (c == '\r') {
      out << "\\r";
    } else if (c == '\t') {
      out << "\\t";
    } else if (byte < 0x20 || byte == 0x7F) {
      constexpr std::string_view kDigits = "0123456789abcdef";
      out << "\\x" << kDigits[byte >> 4U] << kDigits[byte & 0xFU];
    } else {
      out << c;
    }
  }
  out << quote;
}

/// The shortest digits that give the same number back; an exponent from 1e16 on, and below 1e-4.
template <class T>
void write_float_repr(std::ostream& out, T value) {
  if (std::isnan(value)) {
    out << "nan";
    return;
  }
  if (std::isinf(value)) {
    out << (value < 0 ? "-inf" : "inf");
    return;
  }
  const T size = std::abs(value);
  const bool plain = size == 0 || (size >= T(1e-4) && size < T(1e16));
  std::array<char, 64> room{};
  const auto end = std::to_chars(room.data(), room.data() + room.size(), value,
                                 plain ? std::chars_format::fixed : std::chars_format::scientific);
  const std::string_view digits(room.data(), static_cast<std::size_t>(end.ptr - room.data()));
  out << digits;
  if (plain && digits.find('.') == std::string_view::npos) out << ".0";
}

template <class T>
concept ReprMap = std::ranges::input_range<const T> && requires { typename T::mapped_type; };
template <class T>
concept ReprSet = std::ranges::input_range<const T> && requires { typename T::key_type; };
template <class T>
concept ReprTuple = requires { std::tuple_size<T>::value; };
template <class T>
concept ReprStream = requires(std::ostream& out, const T& value) { out << value; };

// Of a handle that does not print itself, as a Queue: to go through it would take its items out.
template <class T>
concept ReprHandle = requires { typename T::multiprocessing_handle; };

template <class Range, class Item>
void write_repr_of_range(std::ostream& out, std::string_view brackets, const Range& range,
                         Item item) {
  out << brackets[0];
  bool first = true;
  for (const auto& element : range) {
    if (!std::exchange(first, false)) out << ", ";
    item(element);
  }
  out << brackets[1];
}

template <class Tuple>
void write_tuple_repr(std::ostream& out, const Tuple& tuple) {
  out << '(';
  std::apply(
      [&](const auto&... part) {
        std::size_t index = 0;
        ((out << (index++ == 0 ? "" : ", "), write_repr(out, part)), ...);
      },
      tuple);
  out << (std::tuple_size_v<Tuple> == 1 ? ",)" : ")");
}

template <class Map>
void write_map_repr(std::ostream& out, const Map& map) {
  write_repr_of_range(out, "{}", map, [&](const auto& item) {
    write_repr(out, item.first);
    out << ": ";
    write_repr(out, item.second);
  });
}

template <class T>
  requires std::is_arithmetic_v<T>
void write_scalar_repr(std::ostream& out, T value) {
  if constexpr (std::is_same_v<T, bool>) {
    out << (value ? "True" : "False");
  } else if constexpr (std::is_same_v<T, char>) {
    write_text_repr(out, {&value, 1});
  } else if constexpr (std::is_floating_point_v<T>) {
    write_float_repr(out, value);
  } else {
    out << +value;
  }
}

template <class Optional>
void write_optional_repr(std::ostream& out, const Optional& optional) {
  if (optional.has_value()) {
    write_repr(out, *optional);
  } else {
    out << "None";
  }
}

template <class T>
void write_container_repr(std::ostream& out, const T& value) {
  if constexpr (ReprHandle<T>) {
    out << "<object>";
  } else if constexpr (ReprMap<T>) {
    write_map_repr(out, value);
  } else if constexpr (std::ranges::input_range<const T>) {
    write_repr_of_range(out, ReprSet<T> ? "{}" : "[]", value,
                        [&](const auto& element) { write_repr(out, element); });
  } else if constexpr (ReprTuple<T>) {
    write_tuple_repr(out, value);
  } else {
    out << "<object>";
  }
}

template <class T>
void write_repr(std::ostream& out, const T& value) {
  if constexpr (std::is_arithmetic_v<T>) {
    write_scalar_repr(out, value);
  } else if constexpr (std::is_convertible_v<const T&, std::string_view>) {
    write_text_repr(out, value);
  } else if constexpr (requires { value.has_value(), *value; }) {
    write_optional_repr(out, value);
  } else if constexpr (ReprStream<T>) {
    out << value;
  } else {
    write_container_repr(out, value);
  }
}

template <class T>
std::string repr(const T& value) {
  std::ostringstream out;
  write_repr(out, value);
  return std::move(out).str();
}

}  // namespace multiprocessing::detail
