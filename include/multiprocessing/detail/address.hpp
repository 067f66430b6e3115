#pragma once

/// \file multiprocessing/detail/address.hpp
/// Where a Listener is and a Client goes: a local path, a local abstract name, or host and port.
///
/// Mirrors the addresses of `multiprocessing.connection`: a string, or a tuple.
///
///   sharing   a plain value that may be sent to another process
///   threads   a value: copy it
///   ordering  none
///   death     nothing to leave behind
///
/// \code
///   mp::Client("/run/service.socket");  mp::Client("\0service");  mp::Client({"localhost", 6000});
/// \endcode

#include <array>
#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>
#include <string_view>
#include <utility>

#include <multiprocessing/detail/codec.hpp>
#include <multiprocessing/detail/export.hpp>
#include <multiprocessing/errors.hpp>

namespace multiprocessing {

class MULTIPROCESSING_API Address {
 public:
  /// None: a Listener chooses one for itself.
  Address() noexcept = default;

  /// A path, or an abstract name, which begins with a NUL and counts to its last byte.
  /// \throws ValueError for a path with a NUL inside, and for the name of a Windows pipe.
  Address(std::string path_or_abstract_name);  // NOLINT(google-explicit-constructor)
  template <std::size_t N>
  Address(const char (&name)[N])  // NOLINT(google-explicit-constructor,modernize-avoid-c-arrays)
      : Address(from_literal(name, N - 1)) {}
  template <class C>
    requires std::same_as<C, const char*> || std::same_as<C, char*>
  Address(const C& path)  // NOLINT(google-explicit-constructor)
      : Address(std::string(path)) {}

  /// An empty host stands for every interface, port 0 for any free port. A host with a colon is an
  /// IPv6 address. \throws ValueError for a host with a NUL inside.
  Address(std::string host, std::uint16_t port);

  /// Python's word: "AF_UNIX", "AF_INET" or "AF_INET6".
  [[nodiscard]] std::string_view family() const noexcept;
  /// Empty for a local address.
  [[nodiscard]] const std::string& host() const noexcept { return host_; }
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  /// The path, or the abstract name with its NUL; empty for a host.
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// True for the address of nothing, and of a client that is bound to no name.
  [[nodiscard]] bool empty() const noexcept { return kind_ == Kind::local && path_.empty(); }

  /// ('localhost', 6000), /run/service.socket, b'\x00service'
  friend MULTIPROCESSING_API std::ostream& operator<<(std::ostream& out, const Address& address);
  friend bool operator==(const Address&, const Address&) = default;
  friend auto operator<=>(const Address&, const Address&) = default;

 private:
  enum class Kind : std::uint8_t { local, four, six };

  static std::string from_literal(const char* text, std::size_t length);

  Kind kind_ = Kind::local;
  std::string host_;
  std::uint16_t port_ = 0;
  std::string path_;
};

/// The families that a Listener can have, the default first.
[[nodiscard]] inline constexpr std::array<std::string_view, 3> families() noexcept {
  return {"AF_UNIX", "AF_INET", "AF_INET6"};
}
/// The family that an address means. \throws ValueError for a family that is none here.
[[nodiscard]] inline std::string_view address_type(const Address& address) {
  return address.family();
}
/// An address of that family that nobody uses: a fresh path in a directory of this process's own,
/// or the local host with any free port. \throws ValueError for a family that is none here.
[[nodiscard]] MULTIPROCESSING_API Address arbitrary_address(std::string_view family);

template <>
struct Codec<Address> {
  using Parts = detail::Types<>;
  static constexpr std::string_view kName = "Address";
  static constexpr bool kFixed = false;

  static void encode(detail::Writer& out, const Address& address) {
    detail::encode_value(out, address.host());
    detail::encode_value(out, address.port());
    detail::encode_value(out, address.path());
    detail::encode_value(out, address.family() != "AF_UNIX");
  }
  static Address decode(detail::Reader& in) {
    auto host = detail::decode_value<std::string>(in);
    const auto port = detail::decode_value<std::uint16_t>(in);
    auto path = detail::decode_value<std::string>(in);
    const bool of_host = detail::decode_value<bool>(in);
    try {
      return of_host ? Address(std::move(host), port) : Address(std::move(path));
    } catch (const ValueError& error) {
      detail::throw_malformed(error.what());
    }
  }
};

}  // namespace multiprocessing

template <>
struct std::hash<multiprocessing::Address> {
  std::size_t operator()(const multiprocessing::Address& address) const noexcept {
    const std::hash<std::string> text;
    return text(address.path()) ^ (text(address.host()) * 31 + address.port());
  }
};
