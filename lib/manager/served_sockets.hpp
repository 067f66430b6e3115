#pragma once

// The sockets that a manager serves clients on: known to close them in forked children, which would
// keep a client waiting after the manager's death, and to cut them all off when it stops.
//
// Invariants
//   I1  A socket is listed before its first message and taken off the list before it is closed.
//
// Death: a child that is forked while a socket is on its way into or out of the list may keep it;
// the client learns of the manager's end when that child has ended, too.

namespace multiprocessing::manager {

/// While it lives, children that are forked do not keep the socket.
class ServedSocket {
 public:
  explicit ServedSocket(int fd) noexcept;
  ServedSocket(const ServedSocket&) = delete;
  ServedSocket& operator=(const ServedSocket&) = delete;
  ~ServedSocket();

 private:
  int fd_;
};

}  // namespace multiprocessing::manager
