#pragma once

/// \file multiprocessing/detail/shareable_item.hpp
/// What a ShareableList holds: None, a bool, an int, a float, text or bytes.
///
///   sharing   a value: a copy of what was in the list
///   threads   as any value
///   ordering  none
///   death     none

#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <multiprocessing/detail/export.hpp>

namespace multiprocessing {

class ShareableItem;

namespace detail {

template <class T>
concept ShareableInteger = std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, char> &&
                           !std::same_as<T, wchar_t> && !std::same_as<T, char8_t> &&
                           !std::same_as<T, char16_t> && !std::same_as<T, char32_t>;

[[noreturn]] MULTIPROCESSING_API void throw_beyond_int64();
[[noreturn]] MULTIPROCESSING_API void throw_other_item(const ShareableItem& item,
                                                       std::string_view wanted);

template <class T>
inline constexpr bool is_item_type =
    std::same_as<T, bool> || ShareableInteger<T> || std::floating_point<T> ||
    std::same_as<T, std::string> || std::same_as<T, std::vector<std::byte>>;

}  // namespace detail

class MULTIPROCESSING_API ShareableItem {
 public:
  using Bytes = std::vector<std::byte>;
  using Variant = std::variant<std::monostate, bool, std::int64_t, double, std::string, Bytes>;

  // NOLINTBEGIN(google-explicit-constructor): a list is written with the values themselves
  /// None.
  ShareableItem() = default;
  ShareableItem(std::nullopt_t /*none*/) noexcept {}
  ShareableItem(std::nullptr_t /*none*/) noexcept {}
  ShareableItem(std::same_as<bool> auto value) noexcept : value_(value) {}
  /// \throws ValueError beyond 64 bits with a sign
  template <detail::ShareableInteger I>
  ShareableItem(I value) : value_(static_cast<std::int64_t>(value)) {
    if (std::cmp_greater(value, std::numeric_limits<std::int64_t>::max())) {
      detail::throw_beyond_int64();
    }
  }
  template <std::floating_point F>
  ShareableItem(F value) noexcept : value_(static_cast<double>(value)) {}
  /// Text, in UTF-8.
  ShareableItem(std::string text) noexcept : value_(std::move(text)) {}
  ShareableItem(std::string_view text) : value_(std::string(text)) {}
  ShareableItem(const char* text) : value_(std::string(text)) {}
  ShareableItem(std::same_as<char> auto letter) : value_(std::string(1, letter)) {}
  ShareableItem(Bytes bytes) noexcept : value_(std::move(bytes)) {}

  /// \throws ValueError naming what it is if that is no T. A bool is an int, an int is a float, as
  /// in Python; an int has to fit.
  template <class T>
    requires detail::is_item_type<T>
  operator T() const {
    return as<T>();
  }
  // NOLINTEND(google-explicit-constructor)

  template <class T>
    requires detail::is_item_type<T>
  [[nodiscard]] T as() const;

  [[nodiscard]] bool is_none() const noexcept {
    return std::holds_alternative<std::monostate>(value_);
  }
  [[nodiscard]] const Variant& variant() const noexcept { return value_; }

  /// As in Python: True == 1 == 1.0; text and bytes are equal to their like only.
  friend bool operator==(const ShareableItem& a, const ShareableItem& b) noexcept {
    return equal(a, b);
  }
  /// As Python's repr: None, True, 42, 1.5, 'text', b'bytes'.
  friend std::ostream& operator<<(std::ostream& out, const ShareableItem& item) {
    item.print(out);
    return out;
  }

 private:
  static bool equal(const ShareableItem& a, const ShareableItem& b) noexcept;
  void print(std::ostream& out) const;

  Variant value_;
};

template <class T>
  requires detail::is_item_type<T>
T ShareableItem::as() const {
  if constexpr (std::same_as<T, std::string> || std::same_as<T, Bytes>) {
    if (const T* text = std::get_if<T>(&value_)) return *text;
    detail::throw_other_item(*this, std::same_as<T, Bytes> ? "bytes" : "str");
  } else {
    if (const bool* flag = std::get_if<bool>(&value_)) return static_cast<T>(*flag);
    if constexpr (!std::same_as<T, bool>) {
      if (const std::int64_t* number = std::get_if<std::int64_t>(&value_)) {
        if constexpr (std::floating_point<T>) {
          return static_cast<T>(*number);
        } else if (std::in_range<T>(*number)) {
          return static_cast<T>(*number);
        }
      }
    }
    if constexpr (std::floating_point<T>) {
      if (const double* number = std::get_if<double>(&value_)) return static_cast<T>(*number);
      detail::throw_other_item(*this, "float");
    } else {
      detail::throw_other_item(*this, std::same_as<T, bool> ? "bool" : "int of that size");
    }
  }
}

}  // namespace multiprocessing
