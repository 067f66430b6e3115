#include "connection/acceptance.hpp"

#include <poll.h>

#include <algorithm>
#include <utility>

#include <multiprocessing/errors.hpp>

#include "connection/socket_transport.hpp"
#include "shm/watch.hpp"
#include "sys/interrupt.hpp"
#include "sys/socket.hpp"

namespace multiprocessing::connection {
namespace {

// So many may be in the handshake at once; beyond it the one that has been silent longest goes.
constexpr std::size_t kMostVisitors = 128;

}  // namespace

Acceptance::Acceptance(ListenerState& listener, sys::Nanoseconds deadline)
    : listener_(listener),
      deadline_(deadline),
      socket_(listener.socket()),
      bell_(sys::make_bell()) {
  listener_.enter(bell_.get());
}

Acceptance::~Acceptance() {
  listener_.leave(bell_.get());
  const sys::Nanoseconds now = sys::now();
  for (Visitor& visitor : visitors_) {
    if (visitor.patience != sys::kForever) visitor.patience -= now;  // I3
  }
  listener_.leave_visitors(std::move(visitors_));
}

std::shared_ptr<Transport> Acceptance::run() {
  for (;;) {
    static_cast<void>(listener_.socket());  // throws once it is closed
    adopt();
    if (Result known = talk()) return known;
    if (Result newcomer = let_in()) return newcomer;
    if (!sleep()) throw TimeoutError("no client came in time (wait longer, or accept in a thread)");
    dismiss_the_silent();
  }
}

void Acceptance::adopt() {
  Visitors found = listener_.take_visitors();
  for (Visitor& visitor : found) visitor.patience = sys::deadline_after(visitor.patience);  // I3
  visitors_.splice(visitors_.end(), found);
}

Acceptance::Result Acceptance::talk() {
  for (auto visitor = visitors_.begin(); visitor != visitors_.end();) {
    if (Result done = talk_to(visitor++)) return done;
  }
  return nullptr;
}

// A visitor that fails is gone before the error is thrown.
Acceptance::Result Acceptance::talk_to(Visitors::iterator visitor) {
  try {
    if (!visitor->greeting.advance()) return nullptr;
  } catch (...) {
    listener_.set_last_accepted(visitor->from);
    visitors_.erase(visitor);
    throw;
  }
  Visitors done;
  done.splice(done.begin(), visitors_, visitor);
  return finish(done.front().greeting.take(), done.front().from);
}

Acceptance::Result Acceptance::finish(sys::UniqueFd socket, const Address& from) {
  listener_.set_last_accepted(from);
  return std::make_shared<SocketTransport>(std::move(socket));
}

Acceptance::Result Acceptance::let_in() {
  for (;;) {
    sys::SocketAddress from;
    sys::UniqueFd socket = sys::accept_socket(socket_->get(), from);
    if (!socket) return nullptr;
    Address client = public_address(from);
    if (client.family() != "AF_UNIX") sys::send_without_delay(socket.get());
    if (!listener_.options().authkey) return finish(std::move(socket), client);
    add_visitor(std::move(socket), std::move(client));
    if (Result done = talk_to(std::prev(visitors_.end()))) return done;
  }
}

void Acceptance::add_visitor(sys::UniqueFd socket, Address from) {
  if (visitors_.size() >= kMostVisitors) {
    visitors_.erase(std::min_element(
        visitors_.begin(), visitors_.end(),
        [](const Visitor& a, const Visitor& b) { return a.patience < b.patience; }));
  }
  const ListenerOptions& options = listener_.options();
  visitors_.push_back({Greeting(std::move(socket), Greeting::Role::listener,
                                {.key = *options.authkey, .allow_md5 = options.allow_md5}),
                       std::move(from), options.handshake_timeout.deadline()});
}

// False: the deadline has passed.
bool Acceptance::sleep() {
  std::vector<pollfd> watched{{.fd = socket_->get(), .events = POLLIN, .revents = 0},
                              {.fd = bell_.get(), .events = POLLIN, .revents = 0}};
  sys::Nanoseconds until = deadline_;
  for (const Visitor& visitor : visitors_) {
    watched.push_back(
        {.fd = visitor.greeting.fd(), .events = visitor.greeting.events(), .revents = 0});
    until = std::min(until, visitor.patience);
  }
  switch (sys::poll_interruptibly(watched.data(), watched.size(), until)) {
    case sys::Ready::timed_out:
      return until < deadline_;
    case sys::Ready::interrupted:
      shm::interrupted();
      return true;
    case sys::Ready::yes:
      if (watched[1].revents != 0) sys::quiet(bell_.get());
      return true;
  }
  return true;
}

// Who has answered by now is listened to once more before it is judged by the clock.
void Acceptance::dismiss_the_silent() {
  const sys::Nanoseconds now = sys::now();
  std::erase_if(visitors_, [now](Visitor& visitor) {
    if (visitor.patience > now) return false;
    pollfd watched{.fd = visitor.greeting.fd(), .events = visitor.greeting.events(), .revents = 0};
    return sys::poll_interruptibly(&watched, 1, 0) == sys::Ready::timed_out;
  });
}

}  // namespace multiprocessing::connection
