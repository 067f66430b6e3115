#include "connection/private_socket.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <new>

#include "shm/process_table.hpp"

namespace multiprocessing::connection {
namespace {

constexpr std::size_t kMost = 1024;

std::array<std::atomic<sys::UniqueFd*>, kMost> sockets{};

// Runs in a forked child, which has no other thread.
void close_all() noexcept {
  for (std::atomic<sys::UniqueFd*>& entry : sockets) {
    // relaxed: only this process and its forks read it, and a fork copies what is there
    sys::UniqueFd* const socket = entry.load(std::memory_order_relaxed);
    if (socket != nullptr) socket->reset();
  }
}

bool replace(sys::UniqueFd* from, sys::UniqueFd* to) noexcept {
  for (std::atomic<sys::UniqueFd*>& entry : sockets) {
    sys::UniqueFd* there = from;
    if (entry.compare_exchange_strong(there, to, std::memory_order_relaxed)) return true;
  }
  return false;
}

}  // namespace

PrivateSocket::PrivateSocket(sys::UniqueFd& socket) : socket_(socket) {
  static const bool hooked = (shm::register_fork_hook(close_all), true);
  static_cast<void>(hooked);
  if (!replace(nullptr, &socket_)) throw std::bad_alloc();
}

PrivateSocket::~PrivateSocket() {
  replace(&socket_, nullptr);
}

}  // namespace multiprocessing::connection
