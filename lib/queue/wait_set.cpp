#include <multiprocessing/detail/wait_set.hpp>

#include <poll.h>

#include <cerrno>
#include <deque>
#include <ranges>
#include <string>

#include <multiprocessing/detail/queue_bytes.hpp>

#include "queue/local_queue.hpp"
#include "queue/queue_watch.hpp"
#include "shm/bell.hpp"
#include "shm/watch.hpp"
#include "sys/calls.hpp"
#include "sys/error.hpp"

namespace multiprocessing::detail {

struct WaitSet::State {
  struct Item {
    lanes::LocalQueue* queue;  // nullptr: the descriptor at `fd` of `fds`
    std::size_t fd;
  };

  std::vector<Item> items;
  std::vector<pollfd> fds;
  std::deque<lanes::QueueWatch> watches;

  // Without waiting.
  std::vector<std::size_t> look() {
    if (!fds.empty()) ask_kernel();
    std::vector<std::size_t> ready;
    for (std::size_t i = 0; i < items.size(); ++i) {
      const Item& item = items[i];
      if (item.queue != nullptr ? lanes::is_ready(*item.queue) : fds[item.fd].revents != 0) {
        ready.push_back(i);
      }
    }
    return ready;
  }

  void ask_kernel() {
    constexpr std::timespec kNow{0, 0};
    while (sys::calls().poll(fds.data(), fds.size(), &kNow) < 0) {
      if (errno != EINTR) sys::throw_errno("poll");
    }
    for (const pollfd& entry : fds) {
      if ((entry.revents & POLLNVAL) != 0) {
        sys::throw_error(EBADF, "poll", "descriptor " + std::to_string(entry.fd));
      }
    }
  }
};

WaitSet::WaitSet() : state_(std::make_unique<State>()) {}
WaitSet::~WaitSet() = default;

void WaitSet::add(const ByteQueue& queue) {
  state_->items.push_back({&queue.open(), 0});
}

void WaitSet::add(int fd) {
  // poll passes over a negative one
  if (fd < 0) sys::throw_error(EBADF, "poll", "descriptor " + std::to_string(fd));
  state_->items.push_back({nullptr, state_->fds.size()});
  state_->fds.push_back({fd, POLLIN, 0});
}

// Who wakes us: who puts, by the bell; the kernel, for descriptors; a death, by the watch.
std::vector<std::size_t> WaitSet::wait(std::int64_t deadline) {
  State& state = *state_;
  std::vector<std::size_t> ready = state.look();
  if (!ready.empty() || deadline <= 0) return ready;
  shm::Bell& bell = shm::thread_bell();
  for (const State::Item& item : state.items) {
    if (item.queue != nullptr) state.watches.emplace_back(*item.queue, bell);
  }
  std::vector<pollfd> fds = state.fds;
  fds.push_back({bell.fd(), POLLIN, 0});
  shm::Sleeper sleeper(bell);
  for (bool in_time = true; in_time;) {
    sleeper.note();
    bell.drain();
    for (lanes::QueueWatch& watch : state.watches) watch.arm();
    ready = state.look();
    if (!ready.empty()) break;
    in_time = sleeper.sleep_polling(fds, deadline);
  }
  if (ready.empty()) ready = state.look();
  state.watches.clear();
  return ready;
}

}  // namespace multiprocessing::detail
