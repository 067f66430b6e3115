#pragma once

/// \file sys/socket.hpp
/// Stream sockets: made, named, connected, read and written. Never a SIGPIPE.
///
///   threads   each call as its descriptor allows
///   death     the kernel closes a socket with its last holder, and the peer reads an end of file;
///             the path of a local one stays behind

#include <cstddef>
#include <span>
#include <string>

#include "sys/clock.hpp"
#include "sys/fd.hpp"
#include "sys/socket_address.hpp"

namespace multiprocessing::sys {

/// A stream socket, close-on-exec and none of the first three descriptors.
/// \throws std::system_error naming socket.
[[nodiscard]] UniqueFd make_socket(int family);

/// Binds and listens, without blocking in `accept_socket`. `shown` is the address for messages.
/// \throws std::system_error naming bind or listen.
[[nodiscard]] UniqueFd make_listening_socket(const SocketAddress& address, int backlog,
                                             const std::string& shown);

/// The next connection, or none if nobody waits (any more).
/// \throws std::system_error naming accept4 (EMFILE and its like).
[[nodiscard]] UniqueFd accept_socket(int listening, SocketAddress& from);

enum class Connecting { done, later, timed_out, interrupted };

/// Begins to connect. `later`: `fd` becomes writable once it is decided, then ask `finish_connect`.
/// A local address blocks while its listener's backlog is full, until `deadline`; if interrupted in
/// that, call it again.
/// \throws std::system_error naming connect and `shown`.
[[nodiscard]] Connecting start_connect(int fd, const SocketAddress& address, Nanoseconds deadline,
                                       const std::string& shown);
/// \throws std::system_error naming connect and `shown` if the connection failed.
void finish_connect(int fd, const std::string& shown);

/// The address that `fd` is bound to. \throws std::system_error naming getsockname.
[[nodiscard]] SocketAddress bound_address(int fd);

enum class Transfer { some, end, not_now, interrupted };

/// Receives at most as many bytes as fit, without blocking; `count` says how many.
/// \throws std::system_error naming recv.
[[nodiscard]] Transfer receive_some(int fd, std::span<std::byte> into, std::size_t& count);

/// Sends some of `first`, then of `second`, without blocking; `count` says how many bytes.
/// \throws std::system_error naming send (EPIPE if the peer is gone).
[[nodiscard]] Transfer send_some(int fd, std::span<const std::byte> first,
                                 std::span<const std::byte> second, std::size_t& count);

/// Sends a copy of `fd` through a local socket, with one byte of data as CPython does; does not
/// block. \throws std::system_error naming sendmsg (EBADF, EPIPE).
[[nodiscard]] Transfer send_descriptor(int socket, int fd);

/// Receives that: none in `fd` if the byte came alone; close-on-exec. Does not block.
/// \throws std::system_error naming recvmsg.
[[nodiscard]] Transfer receive_descriptor(int socket, UniqueFd& fd);

/// Small messages go out at once.
void send_without_delay(int fd) noexcept;

/// Lets the kernel find out within half a minute that the other machine is gone.
void watch_over_network(int fd) noexcept;

/// The peer has closed its end, or died: what it sent may still be there.
[[nodiscard]] bool peer_has_left(int fd) noexcept;

/// Ends the connection for all who hold the socket: whoever waits on it, here or there, is told.
void cut_off(int fd) noexcept;

/// Removes a name; whether it was there does not matter.
void remove_name(const std::string& path) noexcept;

/// A descriptor that is readable from a `ring` to the next `quiet`.
/// \throws std::system_error naming eventfd.
[[nodiscard]] UniqueFd make_bell();
void ring(int bell) noexcept;
void quiet(int bell) noexcept;

}  // namespace multiprocessing::sys
