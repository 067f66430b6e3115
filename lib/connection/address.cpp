#include <multiprocessing/detail/address.hpp>

#include <ostream>

#include <multiprocessing/errors.hpp>

#include "connection/temporary_names.hpp"

namespace multiprocessing {
namespace {

void print_byte(std::ostream& out, char character) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(character);
  if (character == '\'' || character == '\\') {
    out << '\\' << character;
  } else if (byte >= 0x20 && byte < 0x7f) {
    out << character;
  } else {
    out << "\\x" << kDigits[byte >> 4U] << kDigits[byte & 15U];
  }
}

}  // namespace

Address::Address(std::string path_or_abstract_name) : path_(std::move(path_or_abstract_name)) {
  if (path_.starts_with("\\\\")) {
    throw ValueError("Family AF_PIPE is not recognized: " + path_);
  }
  if (!path_.starts_with('\0') && path_.find('\0') != std::string::npos) {
    throw ValueError("embedded null byte in the path of a socket");
  }
}

Address::Address(std::string host, std::uint16_t port)
    : kind_(host.find(':') == std::string::npos ? Kind::four : Kind::six),
      host_(std::move(host)),
      port_(port) {
  if (host_.find('\0') != std::string::npos) throw ValueError("embedded null byte in a host name");
}

std::string Address::from_literal(const char* text, std::size_t length) {
  std::string name(text, length);
  // A path in an array ends at its NUL, however long the array is.
  if (!name.starts_with('\0')) name.erase(name.find_last_not_of('\0') + 1);
  return name;
}

std::string_view Address::family() const noexcept {
  return families()[static_cast<std::size_t>(kind_)];
}

std::ostream& operator<<(std::ostream& out, const Address& address) {
  if (address.family() != "AF_UNIX") {
    return out << "('" << address.host() << "', " << address.port() << ')';
  }
  if (!address.path().starts_with('\0')) return out << address.path();
  out << "b'";
  for (const char character : address.path()) print_byte(out, character);
  return out << '\'';
}

Address arbitrary_address(std::string_view family) {
  if (family == "AF_UNIX") return Address(connection::temporary_socket_name());
  if (family == "AF_INET") return {"localhost", 0};
  if (family == "AF_INET6") return {"::1", 0};
  throw ValueError("unrecognized family: " + std::string(family));
}

}  // namespace multiprocessing
