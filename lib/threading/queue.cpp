#include <multiprocessing/detail/thread_queue.hpp>

#include <algorithm>
#include <chrono>

#include "threading/local_queue.hpp"

namespace multiprocessing::threads {
namespace {

void count_anew(LocalQueue& queue) noexcept {
  queue.heap.mend();
  queue.size = queue.heap.size();
  for (QueueNode* node = queue.first; node != nullptr; node = node->next) {
    ++queue.size;
    queue.last = node;
  }
}

/// The queue, locked.
class Locked {
 public:
  explicit Locked(LocalQueue& queue) : queue_(queue) {
    (void)acquire(queue.lock, Timeout());
    if (sync::owner_died(queue.lock.state, here())) count_anew(queue);  // I3
  }
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;
  ~Locked() { (void)release(queue_.lock); }

 private:
  LocalQueue& queue_;
};

/// Waits until `ready` holds; false: not in time. Requires the lock.
template <class Ready>
bool await(LocalQueue& queue, LocalCondition& condition, Timeout timeout, Ready ready) {
  if (ready()) return true;
  if (timeout.is_zero()) return false;
  if (!timeout.is_forever()) {
    timeout = std::chrono::steady_clock::time_point(std::chrono::nanoseconds(timeout.deadline()));
  }
  while (wait(condition, queue.lock, timeout)) {
    if (ready()) return true;
  }
  return ready();
}

}  // namespace

NodeQueue::NodeQueue(QueueOrder order, std::size_t maxsize, Destroy destroy, Before before)
    : queue_(make_local<LocalQueue>(order, maxsize, destroy, std::move(before))) {}

QueueResult NodeQueue::put(QueueNode& node, Timeout timeout) const {
  LocalQueue& queue = *queue_;
  const Locked locked(queue);
  const bool in_time = await(queue, queue.not_full, timeout, [&queue] {
    return queue.shut_down || queue.maxsize == 0 || queue.size < queue.maxsize;
  });
  if (queue.shut_down) return QueueResult::shut_down;
  if (!in_time) return QueueResult::not_in_time;
  try {
    push(queue, node);
  } catch (...) {
    notify(queue.not_full, 1);  // the place is another one's
    throw;
  }
  ++queue.unfinished;
  notify(queue.not_empty, 1);
  return QueueResult::done;
}

QueueResult NodeQueue::get(QueueNode*& node, Timeout timeout) const {
  LocalQueue& queue = *queue_;
  const Locked locked(queue);
  const bool in_time = await(queue, queue.not_empty, timeout,
                             [&queue] { return queue.shut_down || queue.size != 0; });
  if (queue.size == 0) {
    return in_time ? QueueResult::shut_down : QueueResult::not_in_time;
  }
  try {
    node = &pop(queue);
  } catch (...) {
    notify(queue.not_empty, 1);  // the item is another one's
    throw;
  }
  notify(queue.not_full, 1);
  return QueueResult::done;
}

void NodeQueue::task_done() const {
  const Locked locked(*queue_);
  if (queue_->unfinished == 0)
    throw ValueError("task_done() called too many times: each item that was got is done once");
  if (--queue_->unfinished == 0) notify(queue_->all_done, kAllWaiters);
}

bool NodeQueue::join(Timeout timeout) const {
  const Locked locked(*queue_);
  return await(*queue_, queue_->all_done, timeout, [this] { return queue_->unfinished == 0; });
}

void NodeQueue::shutdown(bool immediate) const {
  LocalQueue& queue = *queue_;
  QueueNode* heap = nullptr;  // what is dropped is destroyed outside the lock
  QueueNode* chain = nullptr;
  {
    const Locked locked(queue);
    if (immediate) {
      heap = queue.heap.take_all();
      chain = std::exchange(queue.first, nullptr);
      queue.unfinished -= std::min(queue.unfinished, queue.size);
      queue.size = 0;
      if (queue.unfinished == 0) notify(queue.all_done, kAllWaiters);
    }
    queue.shut_down = true;
    notify(queue.not_empty, kAllWaiters);
    notify(queue.not_full, kAllWaiters);
  }
  while (heap != nullptr) queue.destroy(std::exchange(heap, heap->next));
  while (chain != nullptr) queue.destroy(std::exchange(chain, chain->next));
}

bool NodeQueue::is_shutdown() const {
  const Locked locked(*queue_);
  return queue_->shut_down;
}

std::size_t NodeQueue::size() const {
  const Locked locked(*queue_);
  return queue_->size;
}

bool NodeQueue::full() const {
  const Locked locked(*queue_);
  return queue_->maxsize != 0 && queue_->size >= queue_->maxsize;
}

std::size_t NodeQueue::unfinished() const {
  const Locked locked(*queue_);
  return queue_->unfinished;
}

std::size_t NodeQueue::maxsize() const {
  const Locked locked(*queue_);
  return queue_->maxsize;
}

void NodeQueue::set_maxsize(std::size_t maxsize) const {
  const Locked locked(*queue_);
  queue_->maxsize = maxsize;
  notify(queue_->not_full, kAllWaiters);
}

}  // namespace multiprocessing::threads
