#include "connection/future_bell.hpp"

#include <mutex>
#include <unordered_map>

#include "shm/per_process.hpp"
#include "sys/socket.hpp"

namespace multiprocessing::connection {
namespace {

struct Bells {
  std::mutex lock;  // guards this
  std::unordered_map<const detail::FutureBase*, std::weak_ptr<FutureBell>> by_future;
};

// Futures may outlive whatever is destroyed.
using AllBells = shm::PerProcess<Bells>;

}  // namespace

FutureBell::FutureBell(const detail::FutureBase* future)
    : future_(future), bell_(sys::make_bell()) {}

// By now another one may be there for the future, or for a later one at the same address.
FutureBell::~FutureBell() {
  Bells* const all = AllBells::find();
  if (all == nullptr) return;
  const std::lock_guard guard(all->lock);
  const auto found = all->by_future.find(future_);
  if (found != all->by_future.end() && found->second.expired()) all->by_future.erase(found);
}

void FutureBell::ring() const noexcept {
  sys::ring(bell_.get());
}

std::shared_ptr<FutureBell> bell_of(detail::FutureBase& future) {
  Bells& all = AllBells::get();
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
