#pragma once

/// \file multiprocessing/connection.hpp
/// Messages between two ends, one process at each, or more.
///
/// Mirrors `multiprocessing.Pipe` and `multiprocessing.connection`.
///
///   sharing   copies within a process are one connection: closed once, closed for all of them;
///             other processes have their own. It may be captured, passed and sent like a handle
///   threads   every member may be called concurrently from any thread of any process
///   ordering  messages of one process arrive in the order in which it sent them; what was written
///             before a send is seen after the receive that brings the message
///   death     the other end reads what was sent, then EOFError; nobody is blocked, nothing torn
///
/// \code
///   auto [here, there] = multiprocessing::Pipe();
///   multiprocessing::Process child([there] { there.send(there.recv<int>() + 1); });
///   child.start();
///   here.send(41);
///   int answer = here.recv<int>();
/// \endcode

#include <multiprocessing/detail/transferable.hpp>  // first: fewer lines in the compiler's messages

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <multiprocessing/detail/codec.hpp>
#include <multiprocessing/detail/connection_bytes.hpp>
#include <multiprocessing/detail/connection_message.hpp>
#include <multiprocessing/detail/listener.hpp>
#include <multiprocessing/detail/vocabulary.hpp>
#include <multiprocessing/detail/waitable.hpp>

namespace multiprocessing {

/// One end of a connection. Every operation but assignment is const, as on every handle.
///
/// All members that send or receive: \throws std::system_error (EBADF) if it is closed, or made for
/// the other direction.
class Connection {
 public:
  using multiprocessing_handle = void;
  static constexpr std::size_t npos = detail::kAnyLength;

  explicit Connection(detail::ByteConnection bytes) noexcept : bytes_(std::move(bytes)) {}

  /// Sends a value; waits for room while many messages are on their way.
  /// \throws std::system_error (EPIPE) if nobody holds the other end any more, TransferError if the
  /// value cannot travel, ArenaExhausted; nothing was sent then
  template <class T>
  void send(const T& value) const {
    detail::require_transferable<detail::stored_t<T>>();
    detail::send_value<detail::stored_t<T>>(bytes_, value);
  }

  /// Receives a value that was sent as a T, or, if T is a std::variant, as one of its alternatives.
  /// \throws EOFError when nobody holds the other end any more and all that was sent is received;
  /// TimeoutError; TransferError if what came is of another type, naming both: it is gone then, and
  /// the next one can be received
  template <class T>
  T recv(Timeout timeout = {}) const {
    detail::require_transferable<T>();
    return detail::receive_value<T>(bytes_, timeout);
  }
  template <class T>
  void recv(T& out, Timeout timeout = {}) const {
    out = recv<T>(timeout);
  }

  /// Sends `size` bytes of `buffer` from `offset` on, as they are.
  /// \throws ValueError if they do not lie in the buffer; as `send`
  void send_bytes(std::span<const std::byte> buffer) const { bytes_.send(buffer); }
  void send_bytes(std::span<const std::byte> buffer, std::ptrdiff_t offset,
                  std::ptrdiff_t size) const {
    bytes_.send(detail::part_of(buffer, offset, size));
  }
  void send_bytes(std::span<const std::byte> buffer, std::ptrdiff_t offset) const {
    bytes_.send(detail::part_of(buffer, offset));
  }
  /// For strings, vectors and arrays of characters and plain bytes.
  template <detail::ByteRange R, std::integral... At>
    requires(sizeof...(At) <= 2)
  void send_bytes(const R& buffer, At... at) const {
    send_bytes(detail::bytes_of(buffer), static_cast<std::ptrdiff_t>(at)...);
  }

  /// Receives one message as bytes; of a value, the eight bytes of its type come first.
  /// \throws EOFError, TimeoutError; std::system_error (EMSGSIZE) if it has more than `maxlength`
  /// bytes: it is gone then, and nothing can be received here any more
  [[nodiscard]] std::vector<std::byte> recv_bytes(std::size_t maxlength = npos,
                                                  Timeout timeout = {}) const {
    detail::IncomingMessage message;
    bytes_.receive(message, timeout, maxlength);
    return message.take();
  }
  /// Receives one message into `buffer`, from `offset` on; how many bytes.
  /// \throws BufferTooShort, which carries the message; ValueError if `offset` lies outside;
  /// EOFError, TimeoutError
  std::size_t recv_bytes_into(std::span<std::byte> buffer, std::ptrdiff_t offset = 0,
                              Timeout timeout = {}) const {
    return detail::receive_into(bytes_, buffer, offset, timeout);
  }

  /// True if a message can be received, or the end has come.
  [[nodiscard]] bool poll(Timeout timeout = Timeout::zero()) const { return bytes_.poll(timeout); }

  /// Lets go of the end in this process, for all copies. Nothing happens the second time.
  void close() const noexcept { bytes_.close(); }
  [[nodiscard]] bool closed() const noexcept { return bytes_.closed(); }
  /// Made for receiving, and open.
  [[nodiscard]] bool readable() const noexcept { return bytes_.readable(); }
  /// Made for sending, and open.
  [[nodiscard]] bool writable() const noexcept { return bytes_.writable(); }
  /// A descriptor that is readable when a message or the end may have come: to be waited for, and
  /// then `poll`. It belongs to the connection.
  [[nodiscard]] int fileno() const { return bytes_.fileno(); }

  /// \throws TransferError if it goes through a socket: such a one travels by value only
  [[nodiscard]] detail::HandleId handle_id() const { return bytes_.id(); }
  static Connection from_handle_id(detail::HandleId id) {
    return Connection(detail::ByteConnection::from_id(id));
  }
  [[nodiscard]] const detail::ByteConnection& bytes() const noexcept { return bytes_; }
  friend bool operator==(const Connection&, const Connection&) noexcept = default;

 private:
  detail::ByteConnection bytes_;
};

/// One end of a connection that carries values of one type.
template <class T>
class TypedConnection {
 public:
  using multiprocessing_handle = void;
  using value_type = T;

  explicit TypedConnection(Connection connection) noexcept : connection_(std::move(connection)) {
    detail::require_transferable<T>();
  }

  void send(const T& value) const { connection_.send<T>(value); }
  T recv(Timeout timeout = {}) const { return connection_.recv<T>(timeout); }
  void recv(T& out, Timeout timeout = {}) const { out = recv(timeout); }
  [[nodiscard]] bool poll(Timeout timeout = Timeout::zero()) const {
    return connection_.poll(timeout);
  }
  void close() const noexcept { connection_.close(); }
  [[nodiscard]] bool closed() const noexcept { return connection_.closed(); }
  [[nodiscard]] bool readable() const noexcept { return connection_.readable(); }
  [[nodiscard]] bool writable() const noexcept { return connection_.writable(); }
  [[nodiscard]] int fileno() const { return connection_.fileno(); }
  /// The same end without its type.
  [[nodiscard]] const Connection& untyped() const noexcept { return connection_; }

  [[nodiscard]] detail::HandleId handle_id() const { return connection_.handle_id(); }
  static TypedConnection from_handle_id(detail::HandleId id) {
    return TypedConnection(Connection::from_handle_id(id));
  }
  friend bool operator==(const TypedConnection&, const TypedConnection&) noexcept = default;

 private:
  Connection connection_;
};

/// Makes a connection: both ends send and receive, or, one-way, the first one receives and the
/// second one sends. \throws ArenaExhausted
[[nodiscard]] inline std::pair<Connection, Connection> Pipe(bool duplex = true) {
  auto [first, second] = detail::make_pipe(duplex);
  return {Connection(std::move(first)), Connection(std::move(second))};
}
template <class T>
[[nodiscard]] std::pair<TypedConnection<T>, TypedConnection<T>> Pipe(bool duplex = true) {
  detail::require_transferable<T>();
  auto [first, second] = Pipe(duplex);
  return {TypedConnection<T>(std::move(first)), TypedConnection<T>(std::move(second))};
}

/// Sends a copy of a descriptor, which stays the caller's.
/// \throws std::system_error (EBADF), TransferError where descriptors cannot travel; as `send`
MULTIPROCESSING_API void send_handle(const Connection& connection, int fd);
/// Receives a descriptor, which is the caller's from now on.
/// \throws ValueError if what came is none; EOFError
[[nodiscard]] MULTIPROCESSING_API int recv_handle(const Connection& connection);

namespace detail {

/// An end travels by its name in the family, or, through a socket, as its descriptor.
template <class C>
struct ConnectionCodec {
  static constexpr bool kFixed = false;
  static void encode(Writer& out, const C& connection) {
    if constexpr (requires { connection.untyped(); }) {
      connection.untyped().bytes().travel(out);
    } else {
      connection.bytes().travel(out);
    }
  }
  static C decode(Reader& in) { return C::from_handle_id(in.handle()); }
};

}  // namespace detail

template <>
struct Codec<Connection> : detail::ConnectionCodec<Connection> {};
template <class T>
struct Codec<TypedConnection<T>> : detail::ConnectionCodec<TypedConnection<T>> {};

}  // namespace multiprocessing

template <>
struct std::hash<multiprocessing::Connection> {
  std::size_t operator()(const multiprocessing::Connection& connection) const noexcept {
    return std::hash<const void*>{}(connection.bytes().transport().get());
  }
};

template <class T>
struct std::hash<multiprocessing::TypedConnection<T>> {
  std::size_t operator()(const multiprocessing::TypedConnection<T>& connection) const noexcept {
    return std::hash<multiprocessing::Connection>{}(connection.untyped());
  }
};
