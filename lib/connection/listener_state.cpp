#include "connection/listener_state.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <new>
#include <sstream>
#include <utility>

#include <multiprocessing/errors.hpp>

#include "sys/error.hpp"
#include "sys/process.hpp"
#include "sys/socket.hpp"

namespace multiprocessing::connection {
namespace {

const Address& checked(const Address& address, const std::string& family) {
  check_family(family, address);
  return address;
}

Address chosen(const Address& asked, const std::string& family) {
  if (!asked.empty()) return checked(asked, family);
  return arbitrary_address(family.empty() ? families().front() : family);
}

}  // namespace

Address public_address(const sys::SocketAddress& address) {
  if (address.family() == AF_UNIX) return Address(sys::local_name(address));
  const sys::HostAndPort found = sys::host_and_port(address);
  return {found.host, found.port};
}

sys::SocketAddress kernel_address(const Address& address, const char* call) {
  if (address.family() == "AF_UNIX") return sys::local_address(address.path(), call);
  return sys::resolve(address.host(), address.port(),
                      address.family() == "AF_INET6" ? AF_INET6 : AF_INET);
}

std::string shown(const Address& address) {
  std::ostringstream text;
  text << address;
  return text.str();
}

void check_family(const std::string& family, const Address& address) {
  if (family.empty() || family == address.family()) return;
  const auto known = families();
  if (std::find(known.begin(), known.end(), family) == known.end()) {
    throw ValueError("Family " + family +
                     " is not recognized. There are AF_INET, AF_INET6 and AF_UNIX");
  }
  throw ValueError("the address " + shown(address) + " is one of " + std::string(address.family()) +
                   ", not of " + family);
}

ListenerState::ListenerState(const Address& address, ListenerOptions options)
    : options_(std::move(options)) {
  const Address asked = chosen(address, options_.family);
  auto socket =
      sys::make_listening_socket(kernel_address(asked, "bind"), options_.backlog, shown(asked));
  const bool has_path = !asked.path().empty() && !asked.path().starts_with('\0');
  if (has_path) path_.set(asked.path());
  address_ = public_address(sys::bound_address(socket.get()));
  auto listening = std::make_shared<ListeningSocket>(std::move(socket));
  if (!options_.inheritable) listening->kept_from_children.emplace(listening->fd);
  socket_ = std::move(listening);
}

std::optional<Address> ListenerState::last_accepted() const {
  const Locked lock(lock_, std::nothrow);
  return last_accepted_;
}

void ListenerState::set_last_accepted(const Address& from) {
  const Locked lock(lock_, std::nothrow);
  last_accepted_ = from;
}

std::shared_ptr<const sys::UniqueFd> ListenerState::socket() const {
  const Locked lock(lock_, std::nothrow);
  if (socket_ == nullptr) sys::throw_error(EBADF, "accept", "the listener is closed");
  if (!socket_->fd) sys::throw_error(EBADF, "accept", "the listener is another process's");
  return {socket_, &socket_->fd};
}

// A forked child has copies of its parent's calls and clients, which go on without it.
void ListenerState::begin_anew_if_forked() noexcept {
  const pid_t me = sys::current_pid();
  if (std::exchange(owner_, me) == me) return;
  bells_.clear();
  waiting_room_.clear();
}

void ListenerState::enter(int bell) {
  const Locked lock(lock_, std::nothrow);
  begin_anew_if_forked();
  bells_.push_back(bell);
}

void ListenerState::leave(int bell) noexcept {
  const Locked lock(lock_, std::nothrow);
  begin_anew_if_forked();
  std::erase(bells_, bell);
  // It may have been rung for them, and gone without a look.
  if (!waiting_room_.empty() && !bells_.empty()) sys::ring(bells_.front());  // I2
}

Visitors ListenerState::take_visitors() {
  const Locked lock(lock_, std::nothrow);
  begin_anew_if_forked();
  return std::exchange(waiting_room_, {});
}

void ListenerState::leave_visitors(Visitors visitors) noexcept {
  if (visitors.empty()) return;
  const Locked lock(lock_, std::nothrow);
  if (socket_ == nullptr) return;  // closed: they are let go of
  begin_anew_if_forked();
  waiting_room_.splice(waiting_room_.end(), visitors);
  if (!bells_.empty()) sys::ring(bells_.front());  // I2
}

void ListenerState::close() noexcept {
  std::shared_ptr<const ListeningSocket> closed;
  Visitors gone;
  {
    const Locked lock(lock_, std::nothrow);
    begin_anew_if_forked();
    closed = std::move(socket_);
    gone = std::exchange(waiting_room_, {});
    for (const int bell : bells_) sys::ring(bell);  // I2
  }
  closed.reset();
  path_.remove();
}

}  // namespace multiprocessing::connection
