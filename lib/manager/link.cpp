#include "manager/link.hpp"

#include <poll.h>

#include <cerrno>
#include <new>
#include <sstream>
#include <system_error>
#include <utility>

#include <multiprocessing/errors.hpp>

#include "manager/sharing.hpp"
#include "sys/calls.hpp"
#include "sys/machine.hpp"
#include "sys/process.hpp"
#include "sys/socket.hpp"

namespace multiprocessing::manager {
namespace {

using connection::Locked;

bool can_send_at_once(int fd) noexcept {
  struct pollfd watched{.fd = fd, .events = POLLOUT, .revents = 0};
  const std::timespec at_once{};
  return sys::calls().poll(&watched, 1, &at_once) > 0 && (watched.revents & POLLOUT) != 0;
}

bool is_an_end(const std::system_error& error) noexcept {
  const int number = error.code().value();
  return number == EPIPE || number == ECONNRESET || number == ETIMEDOUT || number == EBADF;
}

// The same of one that has been connected to before.
bool is_gone(const std::system_error& error) noexcept {
  const int number = error.code().value();
  return is_an_end(error) || number == ECONNREFUSED || number == ENOENT;
}

}  // namespace

Line::~Line() {
  if (in_call_) connection_.close();
  if (connection_.closed()) return;
  const Locked lock(link_->lock_, std::nothrow);
  try {
    if (presence_->pid == sys::current_pid()) presence_->idle.push_back(connection_);
  } catch (const std::bad_alloc&) {  // it is closed instead
  }
}

void Line::send(std::span<const std::byte> request) {
  in_call_ = true;
  try {
    connection_.send_bytes(request);
  } catch (const std::system_error& error) {
    if (!is_an_end(error)) throw;
    throw EOFError(link_->text() + " has ended");
  }
}

void Line::send_note(Operation operation) {
  detail::Writer note;
  note.plain(operation);
  send(note.view());
  in_call_ = false;
}

Bytes Line::receive(Timeout timeout) {
  try {
    Bytes reply = connection_.recv_bytes(Connection::npos, timeout);
    in_call_ = false;
    return reply;
  } catch (const TimeoutError&) {
    throw TimeoutError(link_->text() + " has not answered a call, which it may have done or not");
  } catch (const EOFError&) {
    throw EOFError(link_->text() + " has ended during a call, which it may have done or not");
  } catch (const std::system_error& error) {
    if (!is_an_end(error)) throw;
    throw EOFError(link_->text() + " has ended during a call, which it may have done or not");
  }
}

void Line::ensure_held(std::uint64_t number) {
  {
    const Locked lock(link_->lock_);
    if (presence_->held.contains(number)) return;
  }
  detail::Writer request;
  request.plain(Operation::adopt);
  request.plain(number);
  send(request.view());
  const Bytes reply = receive();
  if (detail::Reader(reply).plain<Status>() != Status::result) {
    throw ValueError(link_->text() + " has no object " + std::to_string(number) + " any more");
  }
  link_->note_held(number);
}

std::string Link::text() const {
  std::ostringstream text;
  text << "the manager at " << address_;
  return text.str();
}

void Link::open() {
  const Locked lock(lock_);
  presence_ = make_presence();
}

// The session on the machine's own door, if there is one; else on the address itself.
std::shared_ptr<Presence> Link::make_presence() {
  std::string local_name;
  served_at_ = address_;
  auto presence = greet(address_, false, local_name);
  if (local_name.empty()) return presence;
  try {
    auto closer = greet(Address(local_name), true, local_name);
    served_at_ = Address(local_name);
    return closer;
  } catch (const std::system_error&) {  // another machine or network namespace after all
    return presence;
  }
}

std::shared_ptr<Presence> Link::greet(const Address& where, bool is_last, std::string& local_name) {
  auto presence =
      std::make_shared<Presence>(Client(where, {.authkey = authkey_, .timeout = timeout_}));
  try {
    const Welcome welcome = introduce(*presence);
    if (!is_last && welcome.boot_id == sys::boot_id()) local_name = welcome.local_name;
    return presence;
  } catch (const EOFError&) {
    throw EOFError(text() + " has ended while it was being connected to");
  } catch (const std::system_error& error) {
    if (!is_an_end(error)) throw;
    throw EOFError(text() + " has ended while it was being connected to");
  }
}

Welcome Link::introduce(Presence& presence) {
  presence.pid = sys::current_pid();
  sys::watch_over_network(presence.anchor.fileno());
  send_greeting(presence.anchor, own_hello(true));
  auto welcome = receive_greeting<Welcome>(presence.anchor, timeout_);
  if (!welcome.accepted) throw ProcessError(text() + " refuses: " + welcome.refusal);
  presence.session = welcome.session;
  presence.secret = welcome.secret;
  presence.why_not_shared = accept_offer(welcome, presence.anchor, timeout_);
  return welcome;
}

// Under the lock.
std::shared_ptr<Presence> Link::here() {
  if (presence_ == nullptr || presence_->pid != sys::current_pid()) presence_ = make_presence();
  return presence_;
}

Connection Link::another(const Presence& presence) {
  try {
    Connection connection = Client(served_at_, {.authkey = authkey_, .timeout = timeout_});
    sys::watch_over_network(connection.fileno());
    Hello hello{.pid = presence.pid, .session = presence.session, .secret = presence.secret};
    send_greeting(connection, hello);
    const auto welcome = receive_greeting<Welcome>(connection, timeout_);
    if (!welcome.accepted) throw ProcessError(text() + " refuses: " + welcome.refusal);
    return connection;
  } catch (const EOFError&) {
    throw EOFError(text() + " has ended");
  } catch (const std::system_error& error) {
    if (!is_gone(error)) throw;
    throw EOFError(text() + " has ended");
  }
}

std::unique_ptr<Line> Link::take() {
  std::shared_ptr<Presence> presence;
  {
    const Locked lock(lock_);
    presence = here();
    if (!presence->idle.empty()) {
      Connection connection = std::move(presence->idle.back());
      presence->idle.pop_back();
      return std::make_unique<Line>(shared_from_this(), presence, std::move(connection));
    }
  }
  return std::make_unique<Line>(shared_from_this(), presence, another(*presence));
}

void Link::note_held(std::uint64_t number) {
  const Locked lock(lock_);
  if (presence_ != nullptr) presence_->held.insert(number);
}

void Link::drop(std::uint64_t number) noexcept {
  const Locked lock(lock_, std::nothrow);
  if (presence_ == nullptr || presence_->pid != sys::current_pid()) return;
  if (presence_->held.erase(number) == 0) return;
  try {
    // A manager that does not listen keeps the object until this process has gone.
    if (!can_send_at_once(presence_->anchor.fileno())) return;
    detail::Writer request;
    request.plain(Operation::drop);
    request.plain(number);
    presence_->anchor.send_bytes(request.view());
  } catch (const std::exception&) {  // it has ended, and the object with it
  }
}

void Link::ask_to_stop(Timeout timeout) {
  const Locked lock(lock_);
  const auto presence = here();
  detail::Writer request;
  request.plain(Operation::stop);
  presence->anchor.send_bytes(request.view());
  static_cast<void>(presence->anchor.recv_bytes(kMaxGreeting, timeout));
}

std::string Link::why_not_shared() {
  const Locked lock(lock_);
  return here()->why_not_shared;
}

}  // namespace multiprocessing::manager
