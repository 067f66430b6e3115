#include "queue/local_queue.hpp"

#include <array>
#include <mutex>
#include <new>

#include "queue/queue_watch.hpp"
#include "shm/process_table.hpp"

namespace multiprocessing::lanes {
namespace {

constexpr std::size_t kBuckets = 256;

// Nodes are added by one store and never taken out, so that a child forked in the middle of it
// finds a sound list.
struct Bucket {
  ForkLock lock;
  std::atomic<LocalQueue*> first{nullptr};
};
constinit std::array<Bucket, kBuckets> buckets{};

Bucket& bucket_of(shm::ObjectId id) noexcept {
  return buckets[(id ^ (id >> 32U) * 0x9E3779B9U) % kBuckets];
}

}  // namespace

LocalQueue& local_queue(shm::ObjectId id, QueueState& state) {
  Bucket& bucket = bucket_of(id);
  const std::lock_guard guard(bucket.lock);
  LocalQueue* over = nullptr;
  LocalQueue* const first = bucket.first.load(std::memory_order_relaxed);  // under the lock
  for (LocalQueue* node = first; node != nullptr; node = node->next) {
    if (node->id == id) return *node;
    if (shm::find_object(node->id, shm::ObjectKind::queue) == nullptr) over = node;
  }
  if (over != nullptr) {  // its queue is gone: nobody here has a handle to it
    LocalQueue* const next = over->next;
    forget_fileno(*over);
    auto* const renewed = new (over) LocalQueue(id, state);
    renewed->next = next;
    return *renewed;
  }
  auto* const added = new LocalQueue(id, state);
  added->next = first;
  bucket.first.store(added, std::memory_order_release);  // see above
  return *added;
}

}  // namespace multiprocessing::lanes
