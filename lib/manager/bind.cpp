#include "manager/bind.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <span>
#include <system_error>

#include <multiprocessing/errors.hpp>

#include "sys/clock.hpp"
#include "sys/machine.hpp"
#include "sys/random.hpp"
#include "sys/socket.hpp"

namespace multiprocessing::manager {
namespace {

constexpr int kBacklog = 128;  // as CPython's
constexpr sys::Nanoseconds kLockPatience = 2'000'000'000;
constexpr auto kProbePatience = std::chrono::seconds(1);

bool is_path(const Address& address) {
  return address.family() == "AF_UNIX" && !address.empty() && address.path().front() != '\0';
}

// Only the kernel's clear no of a socket counts: a full backlog or a missing permission is
// somebody.
bool nobody_listens(const Address& address) {
  std::error_code unknown;
  if (!std::filesystem::is_socket(address.path(), unknown)) return false;
  try {
    Client(address, {.timeout = kProbePatience}).close();
    return false;
  } catch (const std::system_error& error) {
    return error.code().value() == ECONNREFUSED;
  } catch (const Error&) {
    return false;
  }
}

std::array<std::byte, 32> random_bytes() {
  std::array<std::byte, 32> bytes{};
  sys::fill_with_random(bytes);
  return bytes;
}

}  // namespace

Listener listen_at(const Address& address, const std::string& authkey) {
  const ListenerOptions options{.backlog = kBacklog, .authkey = authkey, .inheritable = false};
  if (!is_path(address)) return Listener(address, options);
  const sys::UniqueFd lock =
      sys::lock_directory_of(address.path(), sys::deadline_after(kLockPatience));
  try {
    return Listener(address, options);
  } catch (const std::system_error& error) {
    if (error.code().value() != EADDRINUSE || !lock || !nobody_listens(address)) throw;
  }
  sys::remove_name(address.path());
  return Listener(address, options);
}

std::string fresh_local_name() {
  std::string name(1, '\0');
  name += "multiprocessing-manager-";
  const auto bytes = random_bytes();
  for (const std::byte byte : std::span(bytes).first(12)) {
    std::array<char, 3> text{};
    std::snprintf(text.data(), text.size(), "%02x", static_cast<unsigned>(byte));
    name += text.data();
  }
  return name;
}

std::string fresh_key() {
  const auto bytes = random_bytes();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace multiprocessing::manager
