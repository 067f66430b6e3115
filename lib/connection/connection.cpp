// What all connections have in common, whichever way their bytes take: state, checks, errors.

#include <atomic>
#include <cerrno>
#include <cstring>
#include <string>

#include <multiprocessing/connection.hpp>
#include <multiprocessing/errors.hpp>

#include "connection/transport.hpp"
#include "sys/error.hpp"

namespace multiprocessing::detail {
namespace {

using connection::Received;
using connection::Transport;

std::atomic<const MessageType*> message_types{nullptr};

std::string name_of(std::uint64_t id) {
  const MessageType* type = message_types.load(std::memory_order_acquire);
  for (; type != nullptr; type = type->next) {
    if (type->id() == id) return "a " + readable_name(*type->type);
  }
  return "bytes, or a value of a type that this program does not know";
}

}  // namespace

void IncomingMessage::set_item() noexcept {
  Reader reader = item_.reader();
  const std::size_t size = reader.remaining();
  bytes_ = {reader.take(size), size};
  trusted_ = true;
}

void IncomingMessage::set_bytes(std::vector<std::byte> bytes, bool trusted) noexcept {
  own_ = std::move(bytes);
  bytes_ = own_;
  trusted_ = trusted;
}

std::vector<std::byte> IncomingMessage::take() {
  if (bytes_.data() == own_.data()) return std::move(own_);
  return {bytes_.begin(), bytes_.end()};
}

Transport& ByteConnection::open() const {
  if (transport_ == nullptr)
    throw ValueError("this connection was moved from: use the one that it was moved to");
  if (transport_->closed()) sys::throw_error(EBADF, "connection", "it is closed");
  return *transport_;
}

Transport& ByteConnection::for_reading() const {
  Transport& transport = open();
  if (!transport.readable()) sys::throw_error(EBADF, "connection", "it is write-only");
  return transport;
}

Transport& ByteConnection::for_writing() const {
  Transport& transport = open();
  if (!transport.writable()) sys::throw_error(EBADF, "connection", "it is read-only");
  return transport;
}

void ByteConnection::send(std::span<const std::byte> message) const {
  for_writing().send(message);
}

void ByteConnection::send(OutgoingMessage& message) const {
  for_writing().send(message);
}

void ByteConnection::receive(IncomingMessage& message, Timeout timeout,
                             std::size_t maxlength) const {
  Transport& transport = for_reading();
  switch (transport.receive(message, timeout, maxlength)) {
    case Received::message:
      return;
    case Received::timed_out:
      throw TimeoutError(
          "no message came in time: the other end is still held (wait longer, or ask poll first)");
    case Received::end:
      throw EOFError();
    case Received::too_long:
      transport.stop_reading();
      sys::throw_error(EMSGSIZE, "recv_bytes",
                       "the message has more than " + std::to_string(maxlength) + " bytes");
  }
}

bool ByteConnection::poll(Timeout timeout) const {
  return for_reading().poll(timeout);
}

int ByteConnection::fileno() const {
  return open().fileno();
}

void ByteConnection::add_to(WaitSet& set) const {
  for_reading().add_to(set);
}

void ByteConnection::close() const noexcept {
  if (transport_ != nullptr) transport_->close();
}

bool ByteConnection::closed() const noexcept {
  return transport_ == nullptr || transport_->closed();
}

bool ByteConnection::readable() const noexcept {
  return transport_ != nullptr && transport_->readable();
}

bool ByteConnection::writable() const noexcept {
  return transport_ != nullptr && transport_->writable();
}

void ByteConnection::send_descriptor(int fd) const {
  for_writing().send_descriptor(fd);
}

int ByteConnection::receive_descriptor() const {
  return for_reading().receive_descriptor().release();
}

HandleId ByteConnection::id() const {
  return open().id();
}

void ByteConnection::travel(Writer& out) const {
  open().travel(out);
}

bool list_message_type(MessageType& type) noexcept {
  const MessageType* first = message_types.load(std::memory_order_relaxed);
  do {
    type.next = first;
    // release: whoever walks the list sees the entry
  } while (!message_types.compare_exchange_weak(first, &type, std::memory_order_release,
                                                std::memory_order_relaxed));
  return true;
}

void throw_unexpected_message(std::uint64_t id, const std::string& expected) {
  throw TransferError("received " + name_of(id) + ", where a " + expected +
                      " was expected: recv<T>() takes what was sent, and a variant one of several");
}

void throw_not_a_value(std::size_t size, const std::string& expected) {
  throw TransferError("received " + std::to_string(size) + " bytes, where a " + expected +
                      " was expected: recv_bytes() takes what send_bytes() sent");
}

std::span<const std::byte> part_of(std::span<const std::byte> buffer, std::ptrdiff_t offset) {
  if (offset < 0) throw ValueError("offset " + std::to_string(offset) + " is negative");
  if (static_cast<std::size_t>(offset) > buffer.size()) {
    throw ValueError("offset " + std::to_string(offset) + " lies beyond the buffer of " +
                     std::to_string(buffer.size()) + " bytes");
  }
  return buffer.subspan(static_cast<std::size_t>(offset));
}

std::span<const std::byte> part_of(std::span<const std::byte> buffer, std::ptrdiff_t offset,
                                   std::ptrdiff_t size) {
  const std::span<const std::byte> rest = part_of(buffer, offset);
  if (size < 0) throw ValueError("size " + std::to_string(size) + " is negative");
  if (static_cast<std::size_t>(size) > rest.size()) {
    throw ValueError("offset " + std::to_string(offset) + " and size " + std::to_string(size) +
                     " lie beyond the buffer of " + std::to_string(buffer.size()) + " bytes");
  }
  return rest.first(static_cast<std::size_t>(size));
}

std::size_t receive_into(const ByteConnection& connection, std::span<std::byte> buffer,
                         std::ptrdiff_t offset, Timeout timeout) {
  const std::size_t room = part_of(buffer, offset).size();
  IncomingMessage message;
  connection.receive(message, timeout);
  const std::size_t size = message.bytes().size();
  if (size > room) {
    throw BufferTooShort("a message of " + std::to_string(size) + " bytes for a buffer of " +
                             std::to_string(room) + " (message() of this error has it)",
                         message.take());
  }
  if (size != 0) {
    std::memcpy(buffer.data() + offset, message.bytes().data(), size);
  }
  return size;
}

}  // namespace multiprocessing::detail

namespace multiprocessing {

void send_handle(const Connection& connection, int fd) {
  connection.bytes().send_descriptor(fd);
}

int recv_handle(const Connection& connection) {
  return connection.bytes().receive_descriptor();
}

}  // namespace multiprocessing
