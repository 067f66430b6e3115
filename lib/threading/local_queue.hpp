#pragma once

// A queue between the threads of one process, as CPython's: a lock, three conditions, a count of
// unfinished tasks.
//
// Layout: a chain of nodes (fifo, lifo), or a binary heap of them (priority)
//
// Invariants
//   I1  Everything is touched under the lock. A node is made and destroyed outside.
//   I2  A put or get that throws has changed nothing.
//   I3  A forked child in whose parent another thread held the lock finds the chain whole from
//       `first` on, or the heap (node_heap.hpp), each maybe one node short, and counts it anew.
//
// Ordering: that of the lock.
//
// Death: with its process.

#include <cstddef>
#include <utility>

#include <multiprocessing/detail/thread_queue.hpp>

#include "threading/local_condition.hpp"
#include "threading/node_heap.hpp"

namespace multiprocessing::threads {

struct LocalQueue {
  LocalQueue(QueueOrder o, std::size_t most, NodeQueue::Destroy d, NodeQueue::Before b)
      : order(o), destroy(d), before(std::move(b)), maxsize(most) {}
  LocalQueue(const LocalQueue&) = delete;
  LocalQueue& operator=(const LocalQueue&) = delete;
  ~LocalQueue();

  const QueueOrder order;
  const NodeQueue::Destroy destroy;
  const NodeQueue::Before before;
  LocalLock lock{false, Recovery::hold};
  LocalCondition not_empty;
  LocalCondition not_full;
  LocalCondition all_done;
  std::size_t maxsize;
  std::size_t size = 0;
  std::size_t unfinished = 0;
  bool shut_down = false;
  QueueNode* first = nullptr;
  QueueNode* last = nullptr;
  NodeHeap heap;
};

/// Requires the lock. \throws what `before` throws, std::bad_alloc
void push(LocalQueue& queue, QueueNode& node);
/// Requires the lock and an item. \throws what `before` throws
QueueNode& pop(LocalQueue& queue);

}  // namespace multiprocessing::threads
