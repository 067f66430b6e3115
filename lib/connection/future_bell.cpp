#include "connection/future_bell.hpp"

#include <atomic>
#include <mutex>
#include <unordered_map>

#include "shm/process_table.hpp"
#include "sys/socket.hpp"

namespace multiprocessing::connection {
namespace {

struct Bells {
  std::mutex lock;  // guards this
  std::unordered_map<const detail::FutureBase*, std::weak_ptr<FutureBell>> by_future;
};

// Never destroyed: futures may outlive what is. A forked child begins anew, whoever held the lock.
std::atomic<Bells*> the_bells{nullptr};

const bool hooked = [] {
  shm::register_fork_hook([]() noexcept { the_bells.store(nullptr, std::memory_order_relaxed); });
  return true;
}();

Bells& bells() {
  (void)hooked;
  Bells* found = the_bells.load(std::memory_order_acquire);
  if (found != nullptr) return *found;
  auto* const made = new Bells;
  if (the_bells.compare_exchange_strong(found, made, std::memory_order_acq_rel)) return *made;
  delete made;
  return *found;
}

}  // namespace

FutureBell::FutureBell(const detail::FutureBase* future)
    : future_(future), bell_(sys::make_bell()) {}

// By now another one may be there for the future, or for a later one at the same address.
FutureBell::~FutureBell() {
  Bells* const all = the_bells.load(std::memory_order_acquire);
  if (all == nullptr) return;
  const std::lock_guard guard(all->lock);
  const auto found = all->by_future.find(future_);
  if (found != all->by_future.end() && found->second.expired()) all->by_future.erase(found);
}

void FutureBell::ring() const noexcept {
  sys::ring(bell_.get());
}

std::shared_ptr<FutureBell> bell_of(detail::FutureBase& future) {
  Bells& all = bells();
  std::shared_ptr<FutureBell> bell;
  {
    const std::lock_guard guard(all.lock);
    const auto known = all.by_future.find(&future);
    if (known != all.by_future.end()) bell = known->second.lock();
    if (bell) return bell;
    bell = std::make_shared<FutureBell>(&future);
    all.by_future[&future] = bell;
  }
  // Not under the lock: if the future is done, this calls all its callbacks.
  future.add_done_callback([bell] { bell->ring(); });
  return bell;
}

}  // namespace multiprocessing::connection
