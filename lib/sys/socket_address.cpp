#include "sys/socket_address.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>

#include "sys/error.hpp"

namespace multiprocessing::sys {
namespace {

constexpr std::size_t kNameOffset = offsetof(sockaddr_un, sun_path);

// What getaddrinfo returns: numbers of its own.
class ResolverCategory final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "getaddrinfo"; }
  [[nodiscard]] std::string message(int error) const override { return ::gai_strerror(error); }
};

[[noreturn]] void throw_resolver_error(int error, const std::string& host) {
  if (error == EAI_SYSTEM) throw_errno("getaddrinfo", host);
  if (error == EAI_MEMORY) throw std::bad_alloc();
  static const ResolverCategory category;
  throw std::system_error(error, category, "getaddrinfo: " + host);
}

}  // namespace

std::size_t max_socket_name() noexcept {
  return sizeof(sockaddr_un::sun_path) - 1;
}

SocketAddress local_address(std::string_view name, const char* call) {
  const bool abstract = name.starts_with('\0');
  if (name.size() > max_socket_name() + (abstract ? 1 : 0)) {
    throw_error(ENAMETOOLONG, call,
                "the name of a local socket has " + std::to_string(name.size()) +
                    " bytes, at most " + std::to_string(max_socket_name()) + " are possible");
  }
  sockaddr_un local{};
  local.sun_family = AF_UNIX;
  if (!name.empty()) std::memcpy(local.sun_path, name.data(), name.size());
  SocketAddress address;
  std::memcpy(&address.storage, &local, sizeof local);
  // A path counts with its NUL, an abstract name is exactly as long as it says.
  address.length = static_cast<socklen_t>(kNameOffset + name.size() + (abstract ? 0 : 1));
  return address;
}

std::string local_name(const SocketAddress& address) {
  if (address.family() != AF_UNIX || address.length <= kNameOffset) return {};
  const char* const path = reinterpret_cast<const char*>(&address.storage) + kNameOffset;
  const std::size_t length = address.length - kNameOffset;
  if (path[0] == '\0') return {path, length};
  return {path, ::strnlen(path, length)};
}

SocketAddress resolve(const std::string& host, std::uint16_t port, int family) {
  addrinfo hints{};
  hints.ai_family = family;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* first = nullptr;
  const std::string service = std::to_string(port);
  int error = ::getaddrinfo(host.empty() ? nullptr : host.c_str(), service.c_str(), &hints, &first);
  if ((error == EAI_NONAME || error == EAI_AGAIN) && host == "localhost") {
    // Where there is no /etc/hosts; the name means nothing else anywhere (RFC 6761).
    hints.ai_flags |= AI_NUMERICHOST;
    error =
        ::getaddrinfo(family == AF_INET6 ? "::1" : "127.0.0.1", service.c_str(), &hints, &first);
  }
  if (error != 0) throw_resolver_error(error, host);
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> found(first, ::freeaddrinfo);
  SocketAddress address;
  std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
  address.length = found->ai_addrlen;
  return address;
}

HostAndPort host_and_port(const SocketAddress& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.family() == AF_INET6) {
    sockaddr_in6 six{};
    std::memcpy(&six, &address.storage, sizeof six);
    ::inet_ntop(AF_INET6, &six.sin6_addr, text.data(), text.size());
    return {text.data(), ntohs(six.sin6_port)};
  }
  sockaddr_in four{};
  std::memcpy(&four, &address.storage, sizeof four);
  ::inet_ntop(AF_INET, &four.sin_addr, text.data(), text.size());
  return {text.data(), ntohs(four.sin_port)};
}

}  // namespace multiprocessing::sys
