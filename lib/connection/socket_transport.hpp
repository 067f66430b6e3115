#pragma once

// A connection through a stream socket, in CPython's framing (wire/frame.hpp).
//
// One lock for reading and one for writing, so that the messages of several threads do not mix;
// processes that share an end take turns by agreement, as in CPython. A call counts itself, so that
// the descriptor of a closed transport is closed by the last one to leave, and its number is nobody
// else's while it is used.
//
// A message that was received in part when a time-out or a signal came is gone on with. One that
// was *sent* in part when a signal threw cannot be: nothing can be sent any more then, and the peer
// finds the stream broken off once the end is closed.
//
// To another process of the family it travels as its descriptor, which the kernel keeps meanwhile
// (shm/descriptor.hpp). What arrives is a transport of its own for the same socket: processes that
// then share the end take turns by agreement, and each closes its own. A message that was received
// in part stays behind, so that an end in this state does not travel.
//
// Death: the peer's is the end of the stream, or ECONNRESET or EPIPE where it left something
// unread.

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>

#include "connection/process_lock.hpp"
#include "connection/transport.hpp"
#include "sys/clock.hpp"
#include "sys/fd.hpp"
#include "wire/frame.hpp"

namespace multiprocessing::connection {

class SocketTransport final : public Transport {
 public:
  explicit SocketTransport(sys::UniqueFd socket) noexcept
      : Transport(true, true), socket_(std::move(socket)) {}

  void send(std::span<const std::byte> message) override;
  void send(detail::OutgoingMessage& message) override;
  Received receive(detail::IncomingMessage& message, Timeout timeout,
                   std::size_t maxlength) override;
  bool poll(Timeout timeout) override;
  int fileno() override { return socket_.get(); }
  detail::HandleId id() override;
  void travel(detail::Writer& out) override;
  void send_descriptor(int fd) override;
  sys::UniqueFd receive_descriptor() override;

 private:
  class Use;

  void close_end() noexcept override;
  void leave() noexcept;
  [[nodiscard]] bool wait(short events, sys::Nanoseconds deadline) const;
  void require_whole() const;
  void require_local() const;
  std::size_t send_frame(std::span<const std::byte> header, std::span<const std::byte> body);
  [[nodiscard]] bool receive_more(sys::Nanoseconds deadline);
  void restart_reader() noexcept;

  sys::UniqueFd socket_;
  std::atomic<std::uint32_t> uses_{0};  // and kClosing
  ProcessLock reading_;
  ProcessLock writing_;
  wire::FrameReader reader_;  // under reading_
  bool ended_ = false;        // under reading_
  bool cut_off_ = false;      // under writing_: a message was sent in part
};

/// What `travel` wrote, in the process where it arrives. \throws TransferError if it was lost;
/// std::system_error (EMFILE)
std::shared_ptr<Transport> socket_from(detail::HandleId id);

}  // namespace multiprocessing::connection
