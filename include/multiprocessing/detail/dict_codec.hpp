#pragma once

/// \file multiprocessing/detail/dict_codec.hpp
/// Keys and values of a Dict as bytes, without a copy where they are bytes already. Two keys are
/// the same if their bytes are.

#include <concepts>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include <multiprocessing/detail/codec.hpp>

namespace multiprocessing::detail {

/// As what a function takes a key: a string without making a std::string of it.
template <class K>
struct DictKey {
  using type = const K&;
};
template <>
struct DictKey<std::string> {
  using type = std::string_view;
};
template <class K>
using dict_key_t = typename DictKey<K>::type;

/// The bytes of a value for as long as this and the value live.
template <class T>
class DictEncoded {
 public:
  explicit DictEncoded(const T& value) { encode_value(writer_, value); }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return writer_.view(); }
  [[nodiscard]] std::span<const HandleId> handles() const noexcept { return writer_.handles(); }

 private:
  Writer writer_;
};

template <>
class DictEncoded<std::string> {
 public:
  explicit DictEncoded(std::string_view text) noexcept : text_(text) {}
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept {
    return std::as_bytes(std::span<const char>(text_.data(), text_.size()));
  }
  // NOLINTNEXTLINE(readability-convert-member-functions-to-static): as above
  [[nodiscard]] std::span<const HandleId> handles() const noexcept { return {}; }

 private:
  std::string_view text_;
};

/// Every bit counts, or the value is a float, of which both zeros are one key.
template <class T>
concept DictBits = is_plain_v<T> && (std::has_unique_object_representations_v<T> ||
                                     std::same_as<T, float> || std::same_as<T, double>);

template <DictBits T>
class DictEncoded<T> {
 public:
  explicit DictEncoded(const T& value) noexcept : value_(value) {
    if constexpr (std::is_floating_point_v<T>) value_ += T{0};  // -0.0 becomes 0.0
  }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept {
    return std::as_bytes(std::span<const T>(&value_, 1));
  }
  // NOLINTNEXTLINE(readability-convert-member-functions-to-static): as above
  [[nodiscard]] std::span<const HandleId> handles() const noexcept { return {}; }

 private:
  T value_;
};

template <class T>
T decode_dict(std::span<const std::byte> bytes) {
  if constexpr (std::same_as<T, std::string>) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  } else {
    Reader reader(bytes);
    T value = decode_value<T>(reader);
    reader.finish();
    return value;
  }
}

}  // namespace multiprocessing::detail
