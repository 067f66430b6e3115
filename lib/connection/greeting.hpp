#pragma once

// The handshake on one socket, as far as it goes without blocking.
//
//   going --advance--> going     more is to come from the peer, or to be sent to it
//   going --advance--> done      both know the key; the socket stands at the first message
//   going --advance--> (throws)  the peer does not know the key, talks nonsense, or is gone
//
// Death: the peer's is an end of the stream, which `advance` throws.

#include <cstddef>

#include "sys/fd.hpp"
#include "wire/frame.hpp"
#include "wire/handshake.hpp"

namespace multiprocessing::connection {

class Greeting {
 public:
  using Role = wire::Handshake::Role;

  Greeting(sys::UniqueFd socket, Role role, wire::Credentials mine);

  /// True: done.
  /// \throws AuthenticationError; EOFError or std::system_error if the peer ended it.
  [[nodiscard]] bool advance();

  [[nodiscard]] int fd() const noexcept { return socket_.get(); }
  /// What the next step waits for: POLLIN or POLLOUT.
  [[nodiscard]] short events() const noexcept;
  [[nodiscard]] sys::UniqueFd take() noexcept { return std::move(socket_); }

 private:
  bool send_all();
  bool receive_one();
  void queue_outgoing();
  [[noreturn]] void throw_hung_up() const;

  sys::UniqueFd socket_;
  Role role_;
  wire::Handshake handshake_;
  wire::FrameReader reader_;
  wire::Bytes outgoing_;
  std::size_t sent_ = 0;
};

}  // namespace multiprocessing::connection
