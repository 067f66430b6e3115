#include "sys/socket_pair.hpp"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "sys/calls.hpp"
#include "sys/error.hpp"
#include "sys/pipe.hpp"

namespace multiprocessing::sys {
namespace {

// Room for the descriptors of one message, as the kernel wants it.
struct alignas(struct cmsghdr) Ancillary {
  std::array<std::byte, CMSG_SPACE(kMostDescriptors * sizeof(int))> bytes{};
};

void put_descriptors(struct msghdr& message, Ancillary& room, std::span<const int> descriptors) {
  if (descriptors.empty()) return;
  const std::size_t size = std::min(descriptors.size(), kMostDescriptors) * sizeof(int);
  message.msg_control = room.bytes.data();
  message.msg_controllen = CMSG_SPACE(size);
  struct cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(size);
  std::memcpy(CMSG_DATA(header), descriptors.data(), size);
}

std::vector<UniqueFd> take_descriptors(struct msghdr& message) {
  std::vector<UniqueFd> taken;
  for (struct cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof fd);
      taken.emplace_back(above_standard_streams(fd));
    }
  }
  return taken;
}

}  // namespace

SocketPair make_socket_pair() {
  std::array<int, 2> ends{};
  if (calls().socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    throw_errno("socketpair");
  }
  return {UniqueFd(above_standard_streams(ends[0])), UniqueFd(above_standard_streams(ends[1]))};
}

bool send_message(int socket, std::span<const std::byte> bytes,
                  std::span<const int> descriptors) noexcept {
  Ancillary room;
  struct iovec part{const_cast<std::byte*>(bytes.data()), bytes.size()};
  struct msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  put_descriptors(message, room, descriptors);
  ssize_t sent = -1;
  do {
    sent = calls().sendmsg(socket, &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent >= 0;
}

namespace {

// The descriptors of a message that came whole.
std::vector<UniqueFd> take_all(msghdr& message, std::size_t got, std::size_t wanted) {
  std::vector<UniqueFd> descriptors = take_descriptors(message);
  if ((message.msg_flags & MSG_CTRUNC) != 0 && descriptors.size() < kMostDescriptors) {
    throw_error(EMFILE, "recvmsg", "a descriptor that a message brought");
  }
  if (got != wanted || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
    throw_error(EBADMSG, "recvmsg");
  }
  return descriptors;
}

}  // namespace

Received receive_message(int socket, std::span<std::byte> bytes, std::vector<UniqueFd>& descriptors,
                         Nanoseconds deadline) {
  for (;;) {
    const Ready ready = wait_readable(socket, deadline);
    if (ready == Ready::timed_out) return Received::timed_out;
    if (ready == Ready::interrupted) continue;
    Ancillary room;
    struct iovec part{bytes.data(), bytes.size()};
    struct msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = room.bytes.data();
    message.msg_controllen = room.bytes.size();
    const ssize_t got = calls().recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got == 0 || (got < 0 && errno == ECONNRESET)) return Received::nobody_there;
    if (got < 0) throw_errno("recvmsg");
    descriptors = take_all(message, static_cast<std::size_t>(got), bytes.size());
    return Received::message;
  }
}

bool all_was_received(int socket) noexcept {
  int unread = 0;
  return ::ioctl(socket, SIOCOUTQ, &unread) == 0 && unread == 0;
}

Peer peer_of(int socket) noexcept {
  struct ucred credentials{};
  socklen_t length = sizeof credentials;
  if (calls().getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) return {};
  return {.pid = credentials.pid, .uid = credentials.uid};
}

bool is_own_user(uid_t uid) noexcept {
  return uid == ::geteuid();
}

}  // namespace multiprocessing::sys
