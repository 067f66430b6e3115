#pragma once

// Sockets that forked children must not keep: what a listening one is bound to would stay taken
// after its process has ended, and a client would wait on, until the last child has ended, too.
//
// Invariants
//   I1  A socket is listed while the object lives, which ends before the socket is closed.
//
// Death: a child that is forked while a socket is on its way into or out of the list may keep it.

#include <atomic>
#include <cstdint>

#include "sys/fd.hpp"

namespace multiprocessing::connection {

/// While it lives, forked children close the socket.
class PrivateSocket {
 public:
  /// \throws std::bad_alloc if too many are listed already.
  explicit PrivateSocket(sys::UniqueFd& socket);
  /// Of a thread, which children do not have. If too many are listed already, they keep it.
  explicit PrivateSocket(int socket) noexcept;
  PrivateSocket(const PrivateSocket&) = delete;
  PrivateSocket& operator=(const PrivateSocket&) = delete;
  ~PrivateSocket();

 private:
  std::atomic<std::uintptr_t>* entry_;  // nullptr: it is not listed
};

}  // namespace multiprocessing::connection
