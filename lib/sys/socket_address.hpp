#pragma once

/// \file sys/socket_address.hpp
/// Where a socket is, in the kernel's words and in ours.
///
///   threads   plain values
///   death     nothing to leave behind

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace multiprocessing::sys {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = sizeof(sockaddr_storage);

  [[nodiscard]] int family() const noexcept { return storage.ss_family; }
  [[nodiscard]] const sockaddr* get() const noexcept {
    return reinterpret_cast<const sockaddr*>(&storage);
  }
  [[nodiscard]] sockaddr* get() noexcept { return reinterpret_cast<sockaddr*>(&storage); }
};

/// The longest path or abstract name (without its leading NUL): 107 bytes.
[[nodiscard]] std::size_t max_socket_name() noexcept;

/// A path, or an abstract name that begins with a NUL and is as long as it is.
/// \throws std::system_error naming `call` (ENAMETOOLONG).
[[nodiscard]] SocketAddress local_address(std::string_view name, const char* call);

/// The name of a local address; empty for one that was never bound.
[[nodiscard]] std::string local_name(const SocketAddress& address);

/// The first address of `host` (empty: any) in `family`, AF_INET or AF_INET6. May ask a name
/// server.
/// \throws std::system_error naming getaddrinfo and the host.
[[nodiscard]] SocketAddress resolve(const std::string& host, std::uint16_t port, int family);

struct HostAndPort {
  std::string host;  ///< as a number: "127.0.0.1"
  std::uint16_t port = 0;
};
[[nodiscard]] HostAndPort host_and_port(const SocketAddress& address);

}  // namespace multiprocessing::sys
