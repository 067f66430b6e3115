#pragma once

// How the bytes of a connection travel: through rings in the arena, or through a socket.
//
// Process-local: every process that holds an end has a Transport of its own for it, and all copies
// of a Connection within the process share that one.
//
// A message is a string of bytes. `Connection::send(value)` puts the eight bytes of the type's id
// before the bytes of the value; a transport does not look into it.
//
// Trust: what a socket brings is a stranger's, so it is handed on as untrusted, and the codec then
// refuses handles, code and archives; a message with handles is refused by `send` there.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include <multiprocessing/detail/codec_stream.hpp>
#include <multiprocessing/detail/connection_bytes.hpp>
#include <multiprocessing/detail/timeout.hpp>
#include <multiprocessing/detail/wait_set.hpp>

#include "sys/fd.hpp"

namespace multiprocessing::connection {

enum class Received : std::uint8_t { message, timed_out, end, too_long };

/// The state is kept here; what a derived class does is called only as far as the state allows
/// (`send` while writable, `receive` and `poll` while readable, all of them while open).
class Transport {
 public:
  Transport(bool readable, bool writable) noexcept
      : state_((readable ? kReadable : 0U) | (writable ? kWritable : 0U)) {}
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;
  /// Lets go of the end, as `close` does; a derived class does that in its own destructor.
  virtual ~Transport() = default;

  /// Blocks while there is no room. \throws std::system_error (EPIPE) if nobody will receive it,
  /// and no SIGPIPE; KeyboardInterrupt, and then nothing was sent.
  virtual void send(std::span<const std::byte> message) = 0;
  /// \throws TransferError if it carries handles and this transport does not take them.
  virtual void send(detail::OutgoingMessage& message) = 0;

  /// Waits for a message. `too_long`: it has more than `maxlength` bytes; the caller does not
  /// receive again. Several threads or processes may do this at once.
  /// \throws std::system_error if the stream breaks off within a message or announces nonsense.
  virtual Received receive(detail::IncomingMessage& message, Timeout timeout,
                           std::size_t maxlength) = 0;
  /// Waits until `receive` would not block, which the end counts for, too. False: timed out.
  virtual bool poll(Timeout timeout) = 0;
  /// Readable when `receive` would not block; perhaps also when it would, so poll before.
  /// Stays the same until `close`. \throws std::system_error if no descriptor is to be had.
  virtual int fileno() = 0;
  /// To be waited for among others; by its descriptor, unless there is a better way.
  virtual void add_to(detail::WaitSet& set) { set.add(fileno()); }

  /// The end's name in the family. \throws TransferError if it has none.
  virtual detail::HandleId id() = 0;
  /// Writes as what the end travels to another process, for `ByteConnection::from_id`.
  /// \throws std::system_error if a descriptor cannot be sent; TransferError
  virtual void travel(detail::Writer& out) { out.handle(id()); }

  /// A descriptor beside the messages: kept apart from them over a socket (SCM_RIGHTS with one
  /// byte of data). \throws TransferError if this transport has no way; EOFError, ValueError if
  /// what comes is none.
  virtual void send_descriptor(int fd) = 0;
  virtual sys::UniqueFd receive_descriptor() = 0;

  /// Once: lets go of this process's hold on the end. Other threads may be in a call: what that
  /// call uses must stay valid until the destructor.
  void close() noexcept {
    // acq_rel: what the closing thread did before is seen by whoever finds it closed
    if ((state_.fetch_or(kClosed, std::memory_order_acq_rel) & kClosed) == 0) close_end();
  }
  [[nodiscard]] bool closed() const noexcept { return (state() & kClosed) != 0; }
  [[nodiscard]] bool readable() const noexcept {
    return (state() & (kClosed | kReadable)) == kReadable;
  }
  [[nodiscard]] bool writable() const noexcept {
    return (state() & (kClosed | kWritable)) == kWritable;
  }
  /// Nothing can be received any more; closes what could only receive.
  void stop_reading() noexcept {
    state_.fetch_and(~kReadable, std::memory_order_acq_rel);
    if (!writable()) close();
  }

 private:
  static constexpr std::uint32_t kReadable = 1;
  static constexpr std::uint32_t kWritable = 2;
  static constexpr std::uint32_t kClosed = 4;

  /// Called once, by `close`.
  virtual void close_end() noexcept = 0;
  [[nodiscard]] std::uint32_t state() const noexcept {
    return state_.load(std::memory_order_acquire);
  }

  std::atomic<std::uint32_t> state_;
};

}  // namespace multiprocessing::connection
