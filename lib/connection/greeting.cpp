#include "connection/greeting.hpp"

#include <poll.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include <multiprocessing/errors.hpp>

#include "sys/socket.hpp"

namespace multiprocessing::connection {

Greeting::Greeting(sys::UniqueFd socket, Role role, wire::Credentials mine)
    : socket_(std::move(socket)), role_(role), handshake_(role, std::move(mine)) {
  queue_outgoing();
}

void Greeting::queue_outgoing() {
  for (const wire::Bytes& message : handshake_.take_outgoing()) {
    const wire::FrameHeader header(message.size());
    const wire::View start = header.view();
    outgoing_.insert(outgoing_.end(), start.begin(), start.end());
    outgoing_.insert(outgoing_.end(), message.begin(), message.end());
  }
}

short Greeting::events() const noexcept {
  return sent_ < outgoing_.size() ? POLLOUT : POLLIN;
}

bool Greeting::advance() {
  for (;;) {
    const bool all_sent = send_all();
    handshake_.require_success();
    if (!all_sent) return false;
    if (handshake_.done()) return true;
    if (!receive_one()) return false;
    handshake_.receive(reader_.take());
    queue_outgoing();
  }
}

void Greeting::throw_hung_up() const {
  throw EOFError(role_ == Role::listener ? "the client hung up during the handshake"
                                         : "the listener hung up during the handshake");
}

bool Greeting::send_all() {
  try {
    while (sent_ < outgoing_.size()) {
      std::size_t count = 0;
      const auto rest = wire::View(outgoing_).subspan(sent_);
      if (sys::send_some(socket_.get(), rest, {}, count) == sys::Transfer::not_now) return false;
      sent_ += count;
    }
  } catch (const std::system_error& error) {
    handshake_.require_success();  // a peer that failed need not hear of it
    if (error.code().value() == EPIPE) throw_hung_up();
    throw;
  }
  outgoing_.clear();
  sent_ = 0;
  return true;
}

// False: there is nothing to be read.
bool Greeting::receive_one() {
  while (!reader_.complete()) {
    std::size_t count = 0;
    switch (sys::receive_some(socket_.get(), reader_.room(), count)) {
      case sys::Transfer::not_now:
        return false;
      case sys::Transfer::end:
        throw_hung_up();
      default:
        break;
    }
    try {
      reader_.advance(count);
    } catch (const std::system_error& nonsense) {
      throw AuthenticationError(std::string("the peer shakes hands in no known way: ") +
                                nonsense.what());
    }
    if (reader_.has_length() && reader_.length() > wire::kMaxHandshakeMessage) {
      throw AuthenticationError("the peer shakes hands in no known way: it announces " +
                                std::to_string(reader_.length()) + " bytes, at most " +
                                std::to_string(wire::kMaxHandshakeMessage) + " are possible");
    }
  }
  return true;
}

}  // namespace multiprocessing::connection
