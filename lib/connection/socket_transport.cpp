#include "connection/socket_transport.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>

#include <multiprocessing/detail/handle.hpp>
#include <multiprocessing/errors.hpp>

#include "shm/descriptor.hpp"
#include "shm/watch.hpp"
#include "sys/error.hpp"
#include "sys/interrupt.hpp"
#include "sys/socket.hpp"

namespace multiprocessing::connection {
namespace {

constexpr std::uint32_t kClosing = 1U << 31U;

}  // namespace

// A call on the descriptor, which is not closed before its end.
class SocketTransport::Use {
 public:
  Use(SocketTransport& transport, const char* call) : transport_(transport) {
    // acq_rel: after a close that came first nothing is touched
    if ((transport_.uses_.fetch_add(1, std::memory_order_acq_rel) & kClosing) == 0) return;
    transport_.leave();
    sys::throw_error(EBADF, call, "the connection is closed");
  }
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;
  ~Use() { transport_.leave(); }

 private:
  SocketTransport& transport_;
};

void SocketTransport::leave() noexcept {
  // acq_rel: whoever closes has seen the end of all other uses
  if (uses_.fetch_sub(1, std::memory_order_acq_rel) == (kClosing | 1U)) socket_.reset();
}

void SocketTransport::close_end() noexcept {
  if (uses_.fetch_or(kClosing, std::memory_order_acq_rel) == 0) socket_.reset();
}

// Who ends it: the peer, its end, or the deadline.
bool SocketTransport::wait(short events, sys::Nanoseconds deadline) const {
  pollfd watched{.fd = socket_.get(), .events = events, .revents = 0};
  for (;;) {
    switch (sys::poll_interruptibly(&watched, 1, deadline)) {
      case sys::Ready::yes:
        return true;
      case sys::Ready::timed_out:
        return false;
      case sys::Ready::interrupted:
        shm::interrupted();
        break;
    }
  }
}

bool SocketTransport::poll(Timeout timeout) {
  const Use use(*this, "poll");
  return wait(POLLIN, timeout.deadline());
}

void SocketTransport::require_whole() const {
  if (cut_off_) sys::throw_error(EPIPE, "send", "an earlier message was cut off in the middle");
}

void SocketTransport::send(std::span<const std::byte> message) {
  const Use use(*this, "send");
  const Locked lock(writing_);
  require_whole();
  const wire::FrameHeader header(message.size());
  send_frame(header.view(), message);
}

void SocketTransport::send(detail::OutgoingMessage& message) {
  if (!message.writer().handles().empty()) {
    throw TransferError(
        "a handle cannot be sent through a socket: it means nothing outside of this program's "
        "family");
  }
  send(message.writer().view());
}

std::size_t SocketTransport::send_frame(std::span<const std::byte> header,
                                        std::span<const std::byte> body) {
  const std::size_t total = header.size() + body.size();
  std::size_t sent = 0;
  try {
    while (!header.empty() || !body.empty()) {
      std::size_t count = 0;
      const sys::Transfer how = sys::send_some(socket_.get(), header, body, count);
      if (how == sys::Transfer::not_now) static_cast<void>(wait(POLLOUT, sys::kForever));
      sent += count;
      const std::size_t of_header = std::min(count, header.size());
      header = header.subspan(of_header);
      body = body.subspan(count - of_header);
    }
  } catch (...) {
    cut_off_ = sent > 0 && sent < total;
    throw;
  }
  return sent;
}

void SocketTransport::restart_reader() noexcept {
  // What another thread of an ancestor was in the middle of: not destroyed, since it may be torn.
  std::construct_at(&reader_);
}

// False: the deadline has passed. An end is told by `ended_`.
bool SocketTransport::receive_more(sys::Nanoseconds deadline) {
  std::size_t count = 0;
  switch (sys::receive_some(socket_.get(), reader_.room(), count)) {
    case sys::Transfer::some:
      reader_.advance(count);
      return true;
    case sys::Transfer::end:
      ended_ = true;
      return true;
    case sys::Transfer::not_now:
      return wait(POLLIN, deadline);
    case sys::Transfer::interrupted:
      return true;
  }
  return true;
}

Received SocketTransport::receive(detail::IncomingMessage& message, Timeout timeout,
                                  std::size_t maxlength) {
  const sys::Nanoseconds deadline = timeout.deadline();
  const Use use(*this, "recv");
  const Locked lock(reading_, deadline);
  if (!lock) return Received::timed_out;
  if (lock.taken() == ProcessLock::Taken::from_an_ancestor) restart_reader();
  ended_ = false;
  while (!reader_.complete()) {
    if (reader_.has_length() && reader_.length() > maxlength) return Received::too_long;
    if (!receive_more(deadline)) return Received::timed_out;
    if (ended_ && !reader_.started()) return Received::end;
    if (ended_) {
      sys::throw_error(ECONNRESET, "recv",
                       "got end of file during message, after " +
                           std::to_string(reader_.arrived()) + " bytes of it");
    }
  }
  if (reader_.length() > maxlength) return Received::too_long;
  message.set_bytes(reader_.take(), false);
  return Received::message;
}

detail::HandleId SocketTransport::id() {
  throw TransferError("a connection through a socket has no name in the family: send it by value");
}

void SocketTransport::travel(detail::Writer& out) {
  const Use use(*this, "send");
  // Without waiting: who is in a receive or send of its own goes on, and shares the socket.
  if (const Locked reading(reading_, 0);
      reading.taken() == ProcessLock::Taken::yes && reader_.started()) {
    throw TransferError(
        "this connection cannot be sent to another process: a message has been received in part");
  }
  if (const Locked writing(writing_, 0); writing) require_whole();
  const auto travelling =
      std::make_shared<const detail::Handle>(shm::send_descriptor(socket_.get()));
  out.handle({travelling->id()});
  out.keep(travelling);  // until the message holds it
}

std::shared_ptr<Transport> socket_from(detail::HandleId id) {
  const auto kind = static_cast<std::uint32_t>(shm::ObjectKind::descriptor);
  const detail::Handle travelling = detail::Handle::from_id(id.value, kind);
  return std::make_shared<SocketTransport>(shm::receive_descriptor(id.value));
}

void SocketTransport::require_local() const {
  if (sys::bound_address(socket_.get()).family() == AF_UNIX) return;
  throw TransferError("a descriptor can be sent through a local socket only, not over a network");
}

void SocketTransport::send_descriptor(int fd) {
  const Use use(*this, "send");
  const Locked lock(writing_);
  require_whole();
  require_local();
  while (sys::send_descriptor(socket_.get(), fd) == sys::Transfer::not_now) {
    static_cast<void>(wait(POLLOUT, sys::kForever));
  }
}

sys::UniqueFd SocketTransport::receive_descriptor() {
  const Use use(*this, "recv");
  const Locked lock(reading_);
  if (lock.taken() == ProcessLock::Taken::from_an_ancestor) restart_reader();
  require_local();
  sys::UniqueFd received;
  for (;;) {
    switch (sys::receive_descriptor(socket_.get(), received)) {
      case sys::Transfer::some:
        if (!received) throw ValueError("a message came where a descriptor was expected");
        return received;
      case sys::Transfer::end:
        throw EOFError();
      case sys::Transfer::not_now:
        static_cast<void>(wait(POLLIN, sys::kForever));
        break;
      case sys::Transfer::interrupted:
        break;
    }
  }
}

}  // namespace multiprocessing::connection
