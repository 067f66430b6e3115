#pragma once

/// \file multiprocessing/detail/connection_bytes.hpp
/// One end of a connection that carries byte strings: what every Connection is made of. Compiled
/// once, in lib/connection.
///
///   sharing   copies are the same connection: one that is closed is closed for all of them
///   threads   every member but assignment may be called concurrently from any thread
///   ordering  what was written before a send is seen after the receive that brings the message
///   death     a process killed inside any member blocks nobody; see docs/design/connection.md

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <typeinfo>
#include <utility>
#include <vector>

#include <multiprocessing/detail/codec_stream.hpp>
#include <multiprocessing/detail/export.hpp>
#include <multiprocessing/detail/queue_bytes.hpp>
#include <multiprocessing/detail/schema.hpp>
#include <multiprocessing/detail/timeout.hpp>
#include <multiprocessing/detail/wait_set.hpp>

namespace multiprocessing::connection {
class Transport;  // lib/connection/transport.hpp
}  // namespace multiprocessing::connection

namespace multiprocessing::detail {

inline constexpr std::size_t kAnyLength = static_cast<std::size_t>(-1);

/// A message that was received, until its destruction. A transport fills one of the two.
class MULTIPROCESSING_API IncomingMessage {
 public:
  /// From a ring: the family's own bytes.
  [[nodiscard]] IncomingItem& item() noexcept { return item_; }
  void set_item() noexcept;
  /// From elsewhere.
  void set_bytes(std::vector<std::byte> bytes, bool trusted) noexcept;

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }
  [[nodiscard]] Reader reader() const noexcept { return Reader(bytes_, trusted_); }
  /// The bytes, for whoever keeps them.
  [[nodiscard]] std::vector<std::byte> take();

 private:
  IncomingItem item_;
  std::vector<std::byte> own_;
  std::span<const std::byte> bytes_;
  bool trusted_ = false;
};

class MULTIPROCESSING_API ByteConnection {
 public:
  explicit ByteConnection(std::shared_ptr<connection::Transport> transport) noexcept
      : transport_(std::move(transport)) {}
  /// A name, or what `travel` wrote. \throws ValueError if the connection is gone;
  /// std::system_error (EMFILE)
  static ByteConnection from_id(HandleId id);

  /// All of these: \throws std::system_error (EBADF) if it is closed, or made for the other
  /// direction; ValueError if it was moved from; ArenaExhausted, KeyboardInterrupt.

  /// \throws std::system_error (EPIPE) if nobody holds the other end any more.
  void send(std::span<const std::byte> message) const;
  /// \throws TransferError if the message carries what may not travel this way.
  void send(OutgoingMessage& message) const;

  /// \throws EOFError, TimeoutError; std::system_error (EMSGSIZE) for a message of more than
  /// `maxlength` bytes, and nothing can be received here afterwards.
  void receive(IncomingMessage& message, Timeout timeout, std::size_t maxlength = kAnyLength) const;
  /// True: a message is there, or the end.
  [[nodiscard]] bool poll(Timeout timeout) const;
  [[nodiscard]] int fileno() const;
  /// As one of several that are waited for; requires that it outlives the set.
  void add_to(WaitSet& set) const;

  void close() const noexcept;
  [[nodiscard]] bool closed() const noexcept;
  [[nodiscard]] bool readable() const noexcept;
  [[nodiscard]] bool writable() const noexcept;

  /// Its name in the family. \throws std::system_error (EBADF) if it is closed, TransferError if it
  /// goes through a socket
  [[nodiscard]] HandleId id() const;
  /// Writes as what it travels, for `from_id`. \throws std::system_error (EBADF if it is closed;
  /// as FileDescriptor for a socket), TransferError
  void travel(Writer& out) const;
  [[nodiscard]] const std::shared_ptr<connection::Transport>& transport() const noexcept {
    return transport_;
  }
  /// \throws std::system_error (EBADF) also for a bad `fd`; TransferError where none can travel.
  void send_descriptor(int fd) const;
  /// The caller's. \throws EOFError, ValueError if what came is none
  [[nodiscard]] int receive_descriptor() const;

  friend bool operator==(const ByteConnection&, const ByteConnection&) noexcept = default;

 private:
  [[nodiscard]] connection::Transport& open() const;
  [[nodiscard]] connection::Transport& for_reading() const;
  [[nodiscard]] connection::Transport& for_writing() const;

  std::shared_ptr<connection::Transport> transport_;
};

/// Both ends of a new pipe; one-way: the first one reads, the second one writes.
/// \throws ArenaExhausted
MULTIPROCESSING_API std::pair<ByteConnection, ByteConnection> make_pipe(bool duplex);

/// What this program may receive, listed at load so that an error can name what came.
struct MessageType {
  std::uint64_t (*id)();
  const std::type_info* type;
  const MessageType* next;
};
/// Requires static storage.
MULTIPROCESSING_API bool list_message_type(MessageType& type) noexcept;
[[noreturn]] MULTIPROCESSING_API void throw_unexpected_message(std::uint64_t id,
                                                               const std::string& expected);
[[noreturn]] MULTIPROCESSING_API void throw_not_a_value(std::size_t size,
                                                        const std::string& expected);

/// The number that stands before the bytes of a T.
template <class T>
class MessageTypeOf {
 public:
  static std::uint64_t id() {
    static_cast<void>(listed);
    return type_id<T>();
  }

 private:
  static inline MessageType self{&type_id<T>, &typeid(T), nullptr};
  static inline const bool listed = list_message_type(self);
};

}  // namespace multiprocessing::detail
