#pragma once

/// \file multiprocessing/detail/connection_message.hpp
/// Values as messages that know their type, and the checks of `send_bytes` and `recv_bytes_into`.

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <ranges>
#include <span>
#include <type_traits>
#include <utility>
#include <variant>

#include <multiprocessing/detail/codec.hpp>
#include <multiprocessing/detail/connection_bytes.hpp>

namespace multiprocessing::detail {

/// Contiguous and one byte each.
template <class R>
concept ByteRange = std::ranges::contiguous_range<const R> && std::ranges::sized_range<const R> &&
                    sizeof(std::ranges::range_value_t<R>) == 1 &&
                    !std::convertible_to<const R&, std::span<const std::byte>>;

template <ByteRange R>
std::span<const std::byte> bytes_of(const R& range) {
  if constexpr (std::is_array_v<R> && std::same_as<std::ranges::range_value_t<R>, char>) {
    // a literal, without its zero
    return std::as_bytes(std::span(range)).first(std::size(range) - 1);
  } else {
    return std::as_bytes(std::span(std::ranges::data(range), std::ranges::size(range)));
  }
}

/// \throws ValueError unless the part lies in the buffer. A negative size: as far as it goes.
MULTIPROCESSING_API std::span<const std::byte> part_of(std::span<const std::byte> buffer,
                                                       std::ptrdiff_t offset);
MULTIPROCESSING_API std::span<const std::byte> part_of(std::span<const std::byte> buffer,
                                                       std::ptrdiff_t offset, std::ptrdiff_t size);

MULTIPROCESSING_API std::size_t receive_into(const ByteConnection& connection,
                                             std::span<std::byte> buffer, std::ptrdiff_t offset,
                                             Timeout timeout);

template <class T>
void send_value(const ByteConnection& connection, const T& value) {
  const std::uint64_t id = MessageTypeOf<T>::id();
  // Of others, what lies between the fields would travel along.
  if constexpr (is_plain_v<T> && sizeof(T) + sizeof id <= kQueueRoom &&
                std::has_unique_object_representations_v<T>) {
    std::array<std::byte, sizeof id + sizeof(T)> message;
    std::memcpy(message.data(), &id, sizeof id);
    std::memcpy(message.data() + sizeof id, &value, sizeof(T));
    connection.send(message);
  } else {
    OutgoingMessage message;
    message.writer().plain(id);
    encode_value(message.writer(), value);
    connection.send(message);
  }
}

/// What a message of type `id` is to somebody who wants a T.
template <class T>
struct Wanted {
  static bool decode(std::uint64_t id, Reader& reader, std::optional<T>& out) {
    if (id != MessageTypeOf<T>::id()) return false;
    out.emplace(decode_value<T>(reader));
    return true;
  }
};

template <class... Ts>
struct Wanted<std::variant<Ts...>> {
  using Variant = std::variant<Ts...>;

  static bool decode(std::uint64_t id, Reader& reader, std::optional<Variant>& out) {
    return alternative(id, reader, out, std::index_sequence_for<Ts...>{}) ||
           (id == MessageTypeOf<Variant>::id() &&
            (out.emplace(decode_value<Variant>(reader)), true));
  }

 private:
  template <std::size_t... I>
  static bool alternative(std::uint64_t id, Reader& reader, std::optional<Variant>& out,
                          std::index_sequence<I...>) {
    return ((id == MessageTypeOf<Ts>::id() &&
             (out.emplace(std::in_place_index<I>, decode_value<Ts>(reader)), true)) ||
            ...);
  }
};

template <class T>
T receive_value(const ByteConnection& connection, Timeout timeout) {
  require_transferable<T>();
  IncomingMessage message;
  connection.receive(message, timeout);
  Reader reader = message.reader();
  if (reader.remaining() < sizeof(std::uint64_t)) {
    throw_not_a_value(reader.remaining(), type_name<T>());
  }
  const auto id = reader.template plain<std::uint64_t>();
  std::optional<T> value;
  if (!Wanted<T>::decode(id, reader, value)) throw_unexpected_message(id, type_name<T>());
  reader.finish();
  return *std::move(value);
}

}  // namespace multiprocessing::detail
