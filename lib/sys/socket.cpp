#include "sys/socket.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/eventfd.h>
#include <sys/time.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include "sys/calls.hpp"
#include "sys/error.hpp"
#include "sys/io.hpp"
#include "sys/timespec.hpp"

namespace multiprocessing::sys {
namespace {

// What accept4 reports of a connection that came to nothing, and not of the listening socket.
bool is_passing(int error) noexcept {
  constexpr std::array kPassing{EAGAIN,      EINTR,        ECONNABORTED, EPROTO,
                                ENETDOWN,    ENONET,       EHOSTDOWN,    EOPNOTSUPP,
                                ENOPROTOOPT, EHOSTUNREACH, ENETUNREACH};
  return std::ranges::find(kPassing, error) != kPassing.end();
}

void set_blocking(int fd, bool blocking) {
  const int flags = calls().fcntl_int(fd, F_GETFL, 0);
  const int wanted = blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK;
  if (flags < 0 || calls().fcntl_int(fd, F_SETFL, wanted) != 0) throw_errno("fcntl");
}

void set_option(int fd, int level, int option, int value) {
  if (calls().setsockopt(fd, level, option, &value, sizeof value) != 0) throw_errno("setsockopt");
}

// A local connect ignores O_NONBLOCK's promise of a later end, but keeps to the send time-out.
void limit_local_connect(int fd, Nanoseconds deadline) {
  timeval limit{};  // zero: none
  if (deadline != kForever) {
    const Nanoseconds left = std::max<Nanoseconds>(deadline - now(), 1000);
    const std::timespec spec = to_timespec(left);
    limit = {.tv_sec = spec.tv_sec, .tv_usec = spec.tv_nsec / 1000};
  }
  if (calls().setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0) {
    throw_errno("setsockopt");
  }
}

}  // namespace

UniqueFd make_socket(int family) {
  UniqueFd made(calls().socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!made) throw_errno("socket");
  return UniqueFd(above_standard_streams(made.release()));
}

UniqueFd make_listening_socket(const SocketAddress& address, int backlog,
                               const std::string& shown) {
  UniqueFd listening = make_socket(address.family());
  if (address.family() != AF_UNIX) set_option(listening.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  set_blocking(listening.get(), false);
  if (calls().bind(listening.get(), address.get(), address.length) != 0) {
    throw_errno("bind", shown);
  }
  if (calls().listen(listening.get(), backlog) != 0) throw_errno("listen", shown);
  return listening;
}

UniqueFd accept_socket(int listening, SocketAddress& from) {
  from.length = sizeof from.storage;
  UniqueFd accepted(calls().accept4(listening, from.get(), &from.length, SOCK_CLOEXEC));
  if (!accepted && !is_passing(errno)) throw_errno("accept4");
  return UniqueFd(above_standard_streams(accepted.release()));
}

Connecting start_connect(int fd, const SocketAddress& address, Nanoseconds deadline,
                         const std::string& shown) {
  const bool local = address.family() == AF_UNIX;
  if (local) {
    limit_local_connect(fd, deadline);
  } else {
    set_blocking(fd, false);
  }
  const bool connected = calls().connect(fd, address.get(), address.length) == 0;
  const int error = connected ? 0 : errno;
  if (local) {
    limit_local_connect(fd, kForever);
    if (error == EINTR) return Connecting::interrupted;
    if (error == EAGAIN) return Connecting::timed_out;
  } else {
    if (error == EINPROGRESS || error == EINTR) return Connecting::later;
    set_blocking(fd, true);
  }
  if (!connected) throw_error(error, "connect", shown);
  return Connecting::done;
}

void finish_connect(int fd, const std::string& shown) {
  int error = 0;
  socklen_t size = sizeof error;
  if (calls().getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) throw_errno("getsockopt");
  if (error != 0) throw_error(error, "connect", shown);
  set_blocking(fd, true);
}

SocketAddress bound_address(int fd) {
  SocketAddress address;
  if (calls().getsockname(fd, address.get(), &address.length) != 0) throw_errno("getsockname");
  return address;
}

Transfer receive_some(int fd, std::span<std::byte> into, std::size_t& count) {
  const ssize_t got = calls().recv(fd, into.data(), into.size(), MSG_DONTWAIT);
  count = got > 0 ? static_cast<std::size_t>(got) : 0;
  if (got > 0) return Transfer::some;
  if (got == 0) return Transfer::end;
  if (errno == EAGAIN || errno == EWOULDBLOCK) return Transfer::not_now;
  if (errno == EINTR) return Transfer::interrupted;
  throw_errno("recv");
}

Transfer send_some(int fd, std::span<const std::byte> first, std::span<const std::byte> second,
                   std::size_t& count) {
  // sendmsg does not write through the pointers.
  std::array<iovec, 2> pieces{
      {{.iov_base = const_cast<std::byte*>(first.data()), .iov_len = first.size()},
       {.iov_base = const_cast<std::byte*>(second.data()), .iov_len = second.size()}}};
  msghdr message{};
  message.msg_iov = pieces.data();
  message.msg_iovlen = pieces.size();
  const ssize_t sent = calls().sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  count = sent > 0 ? static_cast<std::size_t>(sent) : 0;
  if (sent >= 0) return Transfer::some;
  if (errno == EAGAIN || errno == EWOULDBLOCK) return Transfer::not_now;
  if (errno == EINTR) return Transfer::interrupted;
  throw_errno("send");
}

namespace {

// One byte, and room for one descriptor.
struct DescriptorMessage {
  DescriptorMessage() {
    piece = {.iov_base = &byte, .iov_len = 1};
    header.msg_iov = &piece;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = CMSG_LEN(sizeof(int));  // so that no second one fits
  }
  DescriptorMessage(const DescriptorMessage&) = delete;
  DescriptorMessage& operator=(const DescriptorMessage&) = delete;
  ~DescriptorMessage() = default;

  char byte = 1;  // how many descriptors there are
  iovec piece{};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr header{};
};

Transfer not_done(const char* call) {
  if (errno == EAGAIN || errno == EWOULDBLOCK) return Transfer::not_now;
  if (errno == EINTR) return Transfer::interrupted;
  throw_errno(call);
}

}  // namespace

Transfer send_descriptor(int socket, int fd) {
  DescriptorMessage message;
  cmsghdr* const carried = CMSG_FIRSTHDR(&message.header);
  carried->cmsg_level = SOL_SOCKET;
  carried->cmsg_type = SCM_RIGHTS;
  carried->cmsg_len = CMSG_LEN(sizeof fd);
  std::memcpy(CMSG_DATA(carried), &fd, sizeof fd);
  const ssize_t sent = calls().sendmsg(socket, &message.header, MSG_NOSIGNAL | MSG_DONTWAIT);
  return sent > 0 ? Transfer::some : not_done("sendmsg");
}

Transfer receive_descriptor(int socket, UniqueFd& fd) {
  DescriptorMessage message;
  const ssize_t got = calls().recvmsg(socket, &message.header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (got == 0) return Transfer::end;
  if (got < 0) return not_done("recvmsg");
  const cmsghdr* const carried = CMSG_FIRSTHDR(&message.header);
  if (carried != nullptr && carried->cmsg_level == SOL_SOCKET && carried->cmsg_type == SCM_RIGHTS &&
      carried->cmsg_len == CMSG_LEN(sizeof(int))) {
    int received = -1;
    std::memcpy(&received, CMSG_DATA(carried), sizeof received);
    fd.reset(above_standard_streams(received));
  }
  return Transfer::some;
}

void send_without_delay(int fd) noexcept {
  const int on = 1;
  calls().setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void watch_over_network(int fd) noexcept {
  const int on = 1;
  const int idle = 10;  // seconds, as the next one
  const int between = 5;
  const int probes = 4;
  const int unacknowledged = 30'000;  // milliseconds
  calls().setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  calls().setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
  calls().setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &between, sizeof between);
  calls().setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
  calls().setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged, sizeof unacknowledged);
}

bool peer_has_left(int fd) noexcept {
  struct pollfd watched{.fd = fd, .events = POLLRDHUP, .revents = 0};
  const std::timespec at_once{};
  return calls().poll(&watched, 1, &at_once) > 0 &&
         (watched.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

void cut_off(int fd) noexcept {
  (void)::shutdown(fd, SHUT_RDWR);
}

void remove_name(const std::string& path) noexcept {
  calls().unlink(path.c_str());
}

UniqueFd make_bell() {
  UniqueFd bell(calls().eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!bell) throw_errno("eventfd");
  return UniqueFd(above_standard_streams(bell.release()));
}

void ring(int bell) noexcept {
  const std::uint64_t one = 1;
  write_full(bell, &one, sizeof one);
}

void quiet(int bell) noexcept {
  std::uint64_t rung = 0;
  read_full(bell, &rung, sizeof rung);
}

}  // namespace multiprocessing::sys
