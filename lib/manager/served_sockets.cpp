#include "manager/served_sockets.hpp"

#include <array>
#include <atomic>

#include "shm/process_table.hpp"
#include "sys/calls.hpp"

namespace multiprocessing::manager {
namespace {

constexpr std::size_t kMost = 4096;  // those beyond it are kept by forked children

std::array<std::atomic<int>, kMost> sockets{};  // fd + 1; 0: none

// Runs in a forked child.
void close_all() noexcept {
  for (std::atomic<int>& socket : sockets) {
    const int fd = socket.exchange(0, std::memory_order_relaxed) - 1;
    if (fd >= 0) static_cast<void>(sys::calls().close(fd));
  }
}

// At load, so that no fork comes into the middle of it.
const bool hooked = (shm::register_fork_hook(close_all), true);

void list(int fd) noexcept {
  for (std::atomic<int>& socket : sockets) {
    int none = 0;
    // relaxed: only this process and its forks read it, and a fork copies what is there
    if (socket.compare_exchange_strong(none, fd + 1, std::memory_order_relaxed)) return;
  }
}

}  // namespace

ServedSocket::ServedSocket(int fd) noexcept : fd_(fd) {
  list(fd_);
}

ServedSocket::~ServedSocket() {
  for (std::atomic<int>& socket : sockets) {
    int mine = fd_ + 1;
    if (socket.compare_exchange_strong(mine, 0, std::memory_order_relaxed)) return;
  }
}

}  // namespace multiprocessing::manager
