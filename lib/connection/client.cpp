#include <poll.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include <multiprocessing/connection.hpp>
#include <multiprocessing/errors.hpp>

#include "connection/greeting.hpp"
#include "connection/listener_state.hpp"
#include "connection/socket_transport.hpp"
#include "shm/watch.hpp"
#include "sys/interrupt.hpp"
#include "sys/socket.hpp"

namespace multiprocessing {
namespace {

// Who ends it: the listener, its end, or the deadline, which is a TimeoutError.
void await(int fd, short events, sys::Nanoseconds deadline, const std::string& where) {
  pollfd watched{.fd = fd, .events = events, .revents = 0};
  for (;;) {
    switch (sys::poll_interruptibly(&watched, 1, deadline)) {
      case sys::Ready::yes:
        return;
      case sys::Ready::timed_out:
        throw TimeoutError("no answer in time from " + where);
      case sys::Ready::interrupted:
        shm::interrupted();
        break;
    }
  }
}

sys::UniqueFd connected(const Address& address, sys::Nanoseconds deadline,
                        const std::string& where) {
  const sys::SocketAddress target = connection::kernel_address(address, "connect");
  sys::UniqueFd socket = sys::make_socket(target.family());
  for (;;) {
    switch (sys::start_connect(socket.get(), target, deadline, where)) {
      case sys::Connecting::done:
        return socket;
      case sys::Connecting::later:
        await(socket.get(), POLLOUT, deadline, where);
        sys::finish_connect(socket.get(), where);
        return socket;
      case sys::Connecting::timed_out:
        throw TimeoutError("no answer in time from " + where);
      case sys::Connecting::interrupted:
        shm::interrupted();
        break;
    }
  }
}

sys::UniqueFd greeted(sys::UniqueFd socket, const ClientOptions& options, sys::Nanoseconds deadline,
                      const std::string& where) {
  using connection::Greeting;
  Greeting greeting(std::move(socket), Greeting::Role::client,
                    {.key = *options.authkey, .allow_md5 = options.allow_md5});
  while (!greeting.advance()) await(greeting.fd(), greeting.events(), deadline, where);
  return greeting.take();
}

}  // namespace

Connection Client(const Address& address, const ClientOptions& options) {
  connection::check_family(options.family, address);
  if (address.empty()) throw ValueError("a client needs the address of a listener");
  const sys::Nanoseconds deadline = options.timeout.deadline();
  const std::string where = connection::shown(address);
  sys::UniqueFd socket = connected(address, deadline, where);
  if (address.family() != "AF_UNIX") sys::send_without_delay(socket.get());
  if (options.authkey) socket = greeted(std::move(socket), options, deadline, where);
  return Connection(
      detail::ByteConnection(std::make_shared<connection::SocketTransport>(std::move(socket))));
}

}  // namespace multiprocessing
