#pragma once

/// \file multiprocessing/detail/list_codec.hpp
/// Elements of a List as bytes.

#include <concepts>
#include <cstddef>
#include <ranges>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <multiprocessing/detail/dict_codec.hpp>

namespace multiprocessing::detail {

template <class T>
concept ListScalar = std::is_arithmetic_v<T> && sizeof(T) <= 8;

/// As DictEncoded, but -0.0 stays what it is: elements are no keys.
template <class T>
class ListEncoded : public DictEncoded<T> {
 public:
  using DictEncoded<T>::DictEncoded;
};

template <ListScalar T>
class ListEncoded<T> {
 public:
  explicit ListEncoded(T value) noexcept : value_(value) {}
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept {
    return std::as_bytes(std::span<const T>(&value_, 1));
  }
  // NOLINTNEXTLINE(readability-convert-member-functions-to-static): as DictEncoded
  [[nodiscard]] std::span<const HandleId> handles() const noexcept { return {}; }

 private:
  T value_;
};

/// Bytes of an element that a list keeps in its slot's word; 0: in a record of its own.
template <class T>
inline constexpr std::size_t kListItem =
    (ListScalar<T> || (DictBits<T> && sizeof(T) <= 8)) ? sizeof(T) : 0;

template <class R, class T>
concept RangeOf =
    std::ranges::input_range<R> && std::convertible_to<std::ranges::range_reference_t<R>, T>;

template <class T, class R>
std::vector<T> to_vector(R&& items) {
  if constexpr (std::same_as<std::remove_cvref_t<R>, std::vector<T>>) {
    return std::forward<R>(items);
  } else {
    std::vector<T> all;
    for (auto&& item : items) all.push_back(static_cast<T>(item));
    return all;
  }
}

}  // namespace multiprocessing::detail
