#include <multiprocessing/detail/listener.hpp>

#include <utility>

#include <multiprocessing/connection.hpp>
#include <multiprocessing/errors.hpp>

#include "connection/acceptance.hpp"
#include "connection/listener_state.hpp"

namespace multiprocessing {

Listener::Listener(const Address& address, ListenerOptions options)
    : state_(std::make_shared<connection::ListenerState>(address, std::move(options))) {}

Connection Listener::accept(Timeout timeout) const {
  const auto kept = state_;  // a copy, since the Listener may be assigned meanwhile
  connection::Acceptance acceptance(*kept, timeout.deadline());
  return Connection(detail::ByteConnection(acceptance.run()));
}

const Address& Listener::address() const noexcept {
  return state_->address();
}

std::optional<Address> Listener::last_accepted() const {
  return state_->last_accepted();
}

void Listener::close() const noexcept {
  state_->close();
}

}  // namespace multiprocessing
