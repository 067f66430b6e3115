// The futures of this process that have a name in shared memory, and the count of its forks.

#include <pthread.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>

#include <multiprocessing/detail/future_base.hpp>
#include <multiprocessing/detail/shared_future.hpp>

#include "shm/process_table.hpp"

namespace multiprocessing::detail {
namespace {

struct Known {
  std::mutex lock;  // guards these
  std::unordered_map<std::uint64_t, std::weak_ptr<FutureBase>> futures;
  std::size_t sweep_at = 64;
};

// Never destroyed: futures may outlive what is. A forked child has copies of the futures, and so
// keeps the book; it is locked during the fork, so that the child finds it whole.
Known& known() {
  static auto* const book = new Known;
  return *book;
}

std::atomic<std::uint32_t> forks{1};  // 0: of futures that came from elsewhere

const bool hooked = [] {
  shm::register_fork_hook(
      // relaxed: a new process has one thread
      []() noexcept { forks.fetch_add(1, std::memory_order_relaxed); });
  return ::pthread_atfork([] { known().lock.lock(); }, [] { known().lock.unlock(); },
                          [] { known().lock.unlock(); }) == 0;
}();

void drop_the_gone(Known& book) {
  if (book.futures.size() < book.sweep_at) return;
  std::erase_if(book.futures, [](const auto& each) { return each.second.expired(); });
  book.sweep_at = 2 * book.futures.size() + 64;
}

}  // namespace

std::shared_ptr<FutureBase> known_future(HandleId id) {
  Known& book = known();
  (void)hooked;
  const std::lock_guard guard(book.lock);
  const auto found = book.futures.find(id.value);
  return found == book.futures.end() ? nullptr : found->second.lock();
}

std::shared_ptr<FutureBase> know_future(HandleId id, std::shared_ptr<FutureBase> future) {
  Known& book = known();
  std::shared_ptr<FutureBase> there;  // outlives the guard: its end may take other locks
  const std::lock_guard guard(book.lock);
  drop_the_gone(book);
  std::weak_ptr<FutureBase>& place = book.futures[id.value];
  there = place.lock();
  if (there) return there;
  place = future;
  return future;
}

std::uint32_t fork_count() noexcept {
  return forks.load(std::memory_order_relaxed);  // relaxed: changes in a new process only
}

}  // namespace multiprocessing::detail
