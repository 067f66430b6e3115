#include "sys/doorbell.hpp"

#include <sys/un.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <string_view>

#include "sys/calls.hpp"

namespace multiprocessing::sys {
namespace {

struct Address {
  struct sockaddr_un address{};
  socklen_t size = 0;

  explicit Address(const DoorbellName& name) noexcept {
    constexpr std::string_view kPrefix{"\0multiprocessing", 16};  // the zero makes it abstract
    address.sun_family = AF_UNIX;
    char* end = address.sun_path + kPrefix.copy(address.sun_path, kPrefix.size());
    for (const std::uint64_t part : {name.device, name.inode, name.owner, name.index}) {
      *end++ = '/';
      end = std::to_chars(end, std::end(address.sun_path), part, 16).ptr;  // 84 characters at most
    }
    size = static_cast<socklen_t>(end - reinterpret_cast<char*>(&address));
  }
  [[nodiscard]] const struct sockaddr* get() const noexcept {
    return reinterpret_cast<const struct sockaddr*>(&address);
  }
};

constexpr int kType = SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK;

}  // namespace

UniqueFd open_doorbell(const DoorbellName& name) noexcept {
  UniqueFd bell(above_standard_streams(calls().socket(AF_UNIX, kType, 0)));
  if (!bell) return bell;
  const Address own(name);
  if (calls().bind(bell.get(), own.get(), own.size) != 0) bell.reset();
  return bell;
}

Rung ring_doorbell(const DoorbellName& name) noexcept {
  // A socket of its own for each ring: one that was kept might have been closed by the host, and
  // its number be something else by now.
  const UniqueFd finger(calls().socket(AF_UNIX, kType, 0));
  if (!finger) return Rung::failed;
  const Address there(name);
  const char byte = 0;
  for (;;) {
    if (calls().sendto(finger.get(), &byte, 1, MSG_DONTWAIT | MSG_NOSIGNAL, there.get(),
                       there.size) >= 0 ||
        errno == EAGAIN) {  // it is full, hence readable
      return Rung::yes;
    }
    if (errno != EINTR) return errno == ECONNREFUSED ? Rung::nobody_there : Rung::failed;
  }
}

void drain_doorbell(int fd) noexcept {
  std::array<char, 8> bytes;
  for (;;) {
    const ssize_t count = calls().read(fd, bytes.data(), bytes.size());
    if (count < 0 && errno != EINTR) return;
  }
}

}  // namespace multiprocessing::sys
