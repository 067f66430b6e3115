#include "sys/descriptor_store.hpp"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "sys/calls.hpp"
#include "sys/error.hpp"

namespace multiprocessing::sys {
namespace {

constexpr int kBuffer = 1 << 20U;   // asked for; the kernel gives what it allows
constexpr int kReserve = 3 * 1024;  // more than the kernel counts for one of our messages

struct Control {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> bytes{};
};

// 0: it is no socket.
ino_t inode_of(int fd) noexcept {
  struct stat status{};
  return calls().fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode) ? status.st_ino : 0;
}

// What the kernel counts as queued, and how much it lets be.
bool nearly_full(int socket) noexcept {
  int queued = 0;
  int limit = 0;
  socklen_t size = sizeof limit;
  if (::ioctl(socket, SIOCOUTQ, &queued) != 0) return false;
  if (::getsockopt(socket, SOL_SOCKET, SO_SNDBUF, &limit, &size) != 0) return false;
  return queued + kReserve > limit;
}

struct iovec bytes_of(DescriptorStore::Key& key) noexcept {
  return {.iov_base = &key, .iov_len = sizeof key};
}

// One message: its key, and its file if `control` is given. The kernel closes a file that nobody
// has room for.
bool receive(int socket, DescriptorStore::Key& key, Control* control, int flags,
             msghdr& message) noexcept {
  struct iovec bytes = bytes_of(key);
  message = {};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  if (control != nullptr) {
    message.msg_control = control->bytes.data();
    message.msg_controllen = control->bytes.size();
  }
  ssize_t got = -1;
  do {
    got = calls().recvmsg(socket, &message, flags | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  message.msg_iov = nullptr;
  return got == static_cast<ssize_t>(sizeof key);
}

}  // namespace

DescriptorStore DescriptorStore::make() {
  std::array<int, 2> ends{-1, -1};
  if (calls().socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    throw_errno("socketpair");
  }
  DescriptorStore store(UniqueFd(above_standard_streams(ends[0])),
                        UniqueFd(above_standard_streams(ends[1])));
  (void)::setsockopt(store.put_end(), SOL_SOCKET, SO_SNDBUF, &kBuffer, sizeof kBuffer);
  return store;
}

DescriptorStore::DescriptorStore(UniqueFd put_end, UniqueFd take_end) noexcept
    : put_end_(std::move(put_end)),
      take_end_(std::move(take_end)),
      put_inode_(inode_of(put_end_.get())),
      take_inode_(inode_of(take_end_.get())) {}

bool DescriptorStore::usable() const noexcept {
  return put_inode_ != 0 && inode_of(put_end_.get()) == put_inode_ &&
         inode_of(take_end_.get()) == take_inode_;
}

bool DescriptorStore::put(Key key, int fd, bool reserve) noexcept {
  if (reserve && nearly_full(put_end_.get())) {
    errno = ENOBUFS;
    return false;
  }
  struct iovec bytes = bytes_of(key);
  Control control;
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  if (fd >= 0) {
    message.msg_control = control.bytes.data();
    message.msg_controllen = control.bytes.size();
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  }
  ssize_t sent = -1;
  do {
    sent = calls().sendmsg(put_end_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0 && errno == EAGAIN) errno = ENOBUFS;
  return sent >= 0;
}

bool DescriptorStore::oldest(Key& key) noexcept {
  msghdr message;
  return receive(take_end_.get(), key, nullptr, MSG_PEEK, message);
}

UniqueFd DescriptorStore::copy_oldest() noexcept {
  Key key;
  Control control;
  msghdr message;
  if (!receive(take_end_.get(), key, &control, MSG_PEEK, message)) {
    errno = ENOENT;
    return {};
  }
  const cmsghdr* const header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_len < CMSG_LEN(sizeof(int))) {
    errno = (message.msg_flags & MSG_CTRUNC) != 0 ? EMFILE : ENOENT;
    return {};
  }
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
  return UniqueFd(above_standard_streams(fd));
}

void DescriptorStore::drop_oldest() noexcept {
  Key key;
  msghdr message;
  (void)receive(take_end_.get(), key, nullptr, 0, message);
}

}  // namespace multiprocessing::sys
