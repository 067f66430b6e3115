#include "connection/private_socket.hpp"

#include <array>
#include <cstddef>
#include <new>

#include "shm/process_table.hpp"
#include "sys/calls.hpp"

namespace multiprocessing::connection {
namespace {

constexpr std::size_t kMost = 4096;

// 2 * number + 1, or the address of its UniqueFd; 0: none
using Entry = std::atomic<std::uintptr_t>;
constinit std::array<Entry, kMost> sockets{};

// Runs in a forked child, which has no other thread.
void close_all() noexcept {
  for (Entry& entry : sockets) {
    // relaxed: only this process and its forks read it, and a fork copies what is there
    const std::uintptr_t socket = entry.exchange(0, std::memory_order_relaxed);
    if (socket == 0) continue;
    if ((socket & 1U) != 0) {
      (void)sys::calls().close(static_cast<int>(socket >> 1U));
    } else {
      // NOLINTNEXTLINE(performance-no-int-to-ptr): as it was listed
      reinterpret_cast<sys::UniqueFd*>(socket)->reset();
    }
  }
}

// At load, so that no fork comes into the middle of it.
const bool hooked = (shm::register_fork_hook(close_all), true);

// nullptr: too many are listed.
Entry* list(std::uintptr_t socket) noexcept {
  (void)hooked;
  for (Entry& entry : sockets) {
    std::uintptr_t none = 0;
    // relaxed: as above
    if (entry.compare_exchange_strong(none, socket, std::memory_order_relaxed)) return &entry;
  }
  return nullptr;
}

}  // namespace

PrivateSocket::PrivateSocket(sys::UniqueFd& socket)
    : entry_(list(reinterpret_cast<std::uintptr_t>(&socket))) {
  if (entry_ == nullptr) throw std::bad_alloc();
}

PrivateSocket::PrivateSocket(int socket) noexcept
    : entry_(list(static_cast<std::uintptr_t>(socket) << 1U | 1U)) {}

PrivateSocket::~PrivateSocket() {
  if (entry_ != nullptr) entry_->store(0, std::memory_order_relaxed);  // as above
}

}  // namespace multiprocessing::connection
