#pragma once

// What the copies of a Listener in one process share: the socket, its path, and the clients that
// are in the middle of the handshake while nobody is in `accept`.
//
// Invariants
//   I1  A client in the handshake belongs to one call of `accept` (acceptance.hpp) or stands in
//       `waiting_room`, so that no two threads talk to it.
//   I2  While a call sleeps, its bell is listed. One of those listed is rung when clients are put
//       into the waiting room, the next one if it goes without them; all are at `close`.
//   I3  The time that a client may be silent runs only during calls of `accept`.
//
// A forked child shares the listening socket and accepts from it on its own, unless it is not
// inheritable (private_socket.hpp); the clients in its parent's waiting room are its parent's.
//
// Death: the kernel closes the socket with its last holder; clients in the handshake read the end
// of the stream. The path stays behind, and the next one to bind it gets EADDRINUSE.

#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <multiprocessing/detail/address.hpp>
#include <multiprocessing/detail/listener.hpp>

#include "connection/greeting.hpp"
#include "connection/private_socket.hpp"
#include "connection/process_lock.hpp"
#include "connection/temporary_names.hpp"
#include "sys/clock.hpp"
#include "sys/fd.hpp"
#include "sys/socket_address.hpp"

namespace multiprocessing::connection {

/// The kernel's address in the library's words.
[[nodiscard]] Address public_address(const sys::SocketAddress& address);
/// The library's in the kernel's. \throws std::system_error naming `call` or getaddrinfo.
[[nodiscard]] sys::SocketAddress kernel_address(const Address& address, const char* call);
[[nodiscard]] std::string shown(const Address& address);
/// \throws ValueError for a family that is none, or is not that of the address.
void check_family(const std::string& family, const Address& address);

/// A client in the handshake.
struct Visitor {
  Greeting greeting;
  Address from;
  sys::Nanoseconds patience;  ///< how long it may still be silent; in a call: until when
};
using Visitors = std::list<Visitor>;

/// The socket that is listened on.
struct ListeningSocket {
  sys::UniqueFd fd;
  std::optional<PrivateSocket> kept_from_children = {};
};

class ListenerState {
 public:
  ListenerState(const Address& address, ListenerOptions options);
  ListenerState(const ListenerState&) = delete;
  ListenerState& operator=(const ListenerState&) = delete;
  ~ListenerState() { close(); }

  [[nodiscard]] const ListenerOptions& options() const noexcept { return options_; }
  [[nodiscard]] const Address& address() const noexcept { return address_; }
  [[nodiscard]] std::optional<Address> last_accepted() const;
  void set_last_accepted(const Address& from);

  /// The socket, for a call that keeps it open. \throws std::system_error (EBADF) once closed.
  [[nodiscard]] std::shared_ptr<const sys::UniqueFd> socket() const;
  /// Lists the bell of a call; takes it off the list.
  void enter(int bell);
  void leave(int bell) noexcept;
  /// All who stand in the waiting room.
  [[nodiscard]] Visitors take_visitors();
  void leave_visitors(Visitors visitors) noexcept;

  void close() noexcept;

 private:
  void begin_anew_if_forked() noexcept;

  ListenerOptions options_;
  BoundPath path_;
  Address address_;
  mutable ProcessLock lock_;  // guards what follows
  std::shared_ptr<const ListeningSocket> socket_;
  std::optional<Address> last_accepted_;
  std::vector<int> bells_;
  Visitors waiting_room_;
  pid_t owner_ = 0;  // of the last two
};

}  // namespace multiprocessing::connection
