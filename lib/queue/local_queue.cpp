#include "queue/local_queue.hpp"

#include <array>
#include <mutex>
#include <new>

#include "queue/queue_watch.hpp"
#include "shm/process_table.hpp"

namespace multiprocessing::lanes {
namespace {

constexpr std::size_t kBuckets = 256;

// Nodes are added and taken out by one store each, so that a child forked in the middle of it finds
// a sound list.
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
  // relaxed, here and below: under the lock
  for (std::atomic<LocalQueue*>* link = &bucket.first;;) {
    LocalQueue* const node = link->load(std::memory_order_relaxed);
    if (node == nullptr) break;
    if (node->id == id) return *node;
    if (shm::find_object(node->id, shm::ObjectKind::queue) != nullptr) {
      link = &node->next;
      continue;
    }
    // Its queue is gone: nobody here has a handle to it.
    link->store(node->next.load(std::memory_order_relaxed), std::memory_order_release);
    forget_fileno(*node);
    delete node;
  }
  auto* const added = new LocalQueue(id, state);
  added->next.store(bucket.first.load(std::memory_order_relaxed), std::memory_order_relaxed);
  bucket.first.store(added, std::memory_order_release);  // see above
  return *added;
}

}  // namespace multiprocessing::lanes
