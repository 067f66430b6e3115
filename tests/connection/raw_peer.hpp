#pragma once

// The other end as bare bytes: a client or a connected pair that speaks no protocol by itself.

#include <multiprocessing/connection.hpp>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "connection/listener_state.hpp"
#include "connection/socket_transport.hpp"
#include "sys/fd.hpp"
#include "sys/socket.hpp"
#include "wire/frame.hpp"

namespace multiprocessing::test {

/// "\0name", new in each call.
inline Address abstract_name(std::string_view what) {
  static int count = 0;
  return std::string(1, '\0') + std::string(what) + "." + std::to_string(::getpid()) + "." +
         std::to_string(++count);
}

class RawPeer {
 public:
  explicit RawPeer(sys::UniqueFd socket) : socket_(std::move(socket)) {}
  explicit RawPeer(const Address& listener)
      : socket_(sys::make_socket(connection::kernel_address(listener, "connect").family())) {
    const auto target = connection::kernel_address(listener, "connect");
    if (::connect(socket_.get(), target.get(), target.length) != 0) socket_.reset();
  }

  void send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent < 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  void send_frame(std::string_view message) const {
    const wire::FrameHeader header(message.size());
    const auto view = header.view();
    send({reinterpret_cast<const char*>(view.data()), view.size()});
    send(message);
  }
  /// So many bytes, or fewer at the end of the stream.
  [[nodiscard]] std::string read(std::size_t size) const {
    std::string bytes(size, '\0');
    std::size_t done = 0;
    while (done < size) {
      const ssize_t got = ::read(socket_.get(), bytes.data() + done, size - done);
      if (got <= 0) break;
      done += static_cast<std::size_t>(got);
    }
    bytes.resize(done);
    return bytes;
  }
  [[nodiscard]] std::string read_frame() const {
    const std::string header = read(4);
    if (header.size() < 4) return {};
    return read(static_cast<unsigned char>(header[2]) * 256U +
                static_cast<unsigned char>(header[3]));
  }
  /// Waits for the end of the stream.
  [[nodiscard]] bool ended() const { return read(1).empty(); }

  [[nodiscard]] bool connected() const { return static_cast<bool>(socket_); }
  [[nodiscard]] int fd() const { return socket_.get(); }
  void close() { socket_.reset(); }

 private:
  sys::UniqueFd socket_;
};

inline Connection connection_on(sys::UniqueFd socket) {
  return Connection(
      detail::ByteConnection(std::make_shared<connection::SocketTransport>(std::move(socket))));
}

inline std::pair<sys::UniqueFd, sys::UniqueFd> socket_pair() {
  std::array<int, 2> ends{-1, -1};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) return {};
  return {sys::UniqueFd(ends[0]), sys::UniqueFd(ends[1])};
}

/// A connection of ours, and the bare other end of its socket.
inline std::pair<Connection, RawPeer> connection_and_peer() {
  auto [ours, theirs] = socket_pair();
  return {connection_on(std::move(ours)), RawPeer(std::move(theirs))};
}

/// Two connections of ours on one socket pair.
inline std::pair<Connection, Connection> connected_pair() {
  auto [one, other] = socket_pair();
  return {connection_on(std::move(one)), connection_on(std::move(other))};
}

}  // namespace multiprocessing::test
