#pragma once

/// \file multiprocessing/detail/listener.hpp
/// Connections between programs: one listens, others come.
///
/// Mirrors `multiprocessing.connection.Listener` and `Client`, and speaks CPython's framing and
/// handshake: `send_bytes` and `recv_bytes` interoperate with Python; `send` and `recv` carry
/// values between programs of this library.
///
///   sharing   copies within a process are one listener; a forked child has its own hold on it, and
///             both may accept. Only the process that made it removes its path
///   threads   every member may be called concurrently
///   ordering  what was written before a send is seen after the receive that brings the message
///   death     the peer reads the end of the stream; the path of a killed listener stays behind
///
/// \code
///   mp::Listener listener({"localhost", 0}, {.authkey = "secret"});
///   mp::Connection served = listener.accept();
///   served.send_bytes(served.recv_bytes());
///
///   mp::Connection c = mp::Client(address, {.authkey = "secret"});
/// \endcode

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <multiprocessing/detail/address.hpp>
#include <multiprocessing/detail/export.hpp>
#include <multiprocessing/detail/timeout.hpp>

namespace multiprocessing::connection {
class ListenerState;  // lib/connection/listener_state.hpp
}  // namespace multiprocessing::connection

namespace multiprocessing {

class Connection;

struct ListenerOptions {
  std::string family = {};  ///< what the address says, if empty
  int backlog = 1;          ///< how many clients may wait to be accepted
  std::optional<std::string> authkey =
      {};  ///< the clients' key, any bytes; none: everybody may come
  /// Accept HMAC-MD5, all that CPython up to 3.11 can do.
  bool allow_md5 = false;
  /// How long `accept` bears with a client that is silent in the handshake.
  Timeout handshake_timeout = std::chrono::seconds(10);
  /// Forked children have the socket, too, and may accept. If not, the address is free once this
  /// process has ended.
  bool inheritable = true;
};

class MULTIPROCESSING_API Listener {
 public:
  /// Binds and listens: a client may come from now on.
  /// \throws std::system_error naming bind and the address (EADDRINUSE: also a path left behind),
  /// or getaddrinfo; ValueError for a family that is none here or not that of the address.
  explicit Listener(const Address& address = {}, ListenerOptions options = {});

  /// Waits for a client; with a key, for one that has shown it knows the key, and has been shown
  /// the same. The others are served meanwhile: a silent one holds nobody up, and is let go of
  /// after a while.
  /// \throws AuthenticationError, and EOFError or std::system_error if the client ends the
  /// handshake: that client is gone, and the listener goes on; TimeoutError; std::system_error
  /// (EBADF) once the listener is closed.
  [[nodiscard]] Connection accept(Timeout timeout = {}) const;

  /// As bound: with the number of the host and the real port.
  [[nodiscard]] const Address& address() const noexcept;
  /// Where the client of the last `accept` came from: empty for a local one that has no name.
  [[nodiscard]] std::optional<Address> last_accepted() const;

  /// Stops listening and removes the path. Whoever waits in `accept` is told. Nothing happens the
  /// second time.
  void close() const noexcept;

 private:
  std::shared_ptr<connection::ListenerState> state_;
};

struct ClientOptions {
  std::string family = {};                  ///< what the address says, if empty
  std::optional<std::string> authkey = {};  ///< the listener's key; none: no handshake
  /// Answer with HMAC-MD5, all that CPython up to 3.11 can do.
  bool allow_md5 = false;
  /// For connecting and the handshake together.
  Timeout timeout = {};
};

/// Connects to a Listener, here or in Python.
/// \throws std::system_error naming connect and the address (ECONNREFUSED, ENOENT), or getaddrinfo;
/// AuthenticationError; EOFError if the listener ends the handshake; TimeoutError; ValueError.
[[nodiscard]] MULTIPROCESSING_API Connection Client(const Address& address,
                                                    const ClientOptions& options = {});

/// Wants a proof that the other end knows the key, and tells it the result.
/// \throws AuthenticationError if it does not; ValueError for an unknown digest.
MULTIPROCESSING_API void deliver_challenge(const Connection& connection, std::string_view authkey,
                                           std::string_view digest_name = "sha256",
                                           bool allow_md5 = false);
/// Proves to the other end that this one knows the key.
/// \throws AuthenticationError if it does not believe so.
MULTIPROCESSING_API void answer_challenge(const Connection& connection, std::string_view authkey,
                                          bool allow_md5 = false);

}  // namespace multiprocessing
