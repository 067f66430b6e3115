#pragma once

/// \file multiprocessing/queue.hpp
/// Queues between the threads of one process. Mirrors Python's `queue`; those between processes
/// are in queues.hpp.
///
///   sharing   copies refer to the same queue; it cannot be sent to another process, and a forked
///             child has a copy of its own
///   threads   every member may be called concurrently from any thread
///   ordering  what was written before a put is seen after the get that brings the item
///   death     a thread ends only after it has left
///
/// Items need not be transferable, only movable. They are neither copied nor destroyed while the
/// queue is locked, so their constructors and destructors may use it.
///
/// \code
///   mp::queue::Queue<std::string> lines;
///   mp::threading::Thread printer([lines] {
///     for (auto& line : lines) std::cout << line << '\n';  // until shutdown
///   });
///   printer.start();
///   lines.put("hello");
///   lines.shutdown();
/// \endcode

#include <functional>
#include <utility>

#include <multiprocessing/detail/thread_queue.hpp>
#include <multiprocessing/detail/vocabulary.hpp>

namespace multiprocessing::queue {

using multiprocessing::Empty;
using multiprocessing::Full;
using multiprocessing::ShutDown;

/// First in, first out.
template <class T>
class Queue : public threads::TaskQueue<T> {
 public:
  Queue() : Queue(0) {}
  /// At most `maxsize` items; 0 or less: unbounded.
  template <threads::QueueSize N>
  explicit Queue(N maxsize)
      : threads::TaskQueue<T>(threads::QueueOrder::fifo, threads::places(maxsize)) {}
};

/// Last in, first out.
template <class T>
class LifoQueue : public threads::TaskQueue<T> {
 public:
  LifoQueue() : LifoQueue(0) {}
  template <threads::QueueSize N>
  explicit LifoQueue(N maxsize)
      : threads::TaskQueue<T>(threads::QueueOrder::lifo, threads::places(maxsize)) {}
};

/// Smallest first; those that compare equal in any order. O(log n) comparisons, under the lock; if
/// one throws, the queue is as it was.
template <class T, class Compare = std::less<T>>
class PriorityQueue : public threads::TaskQueue<T> {
 public:
  PriorityQueue() : PriorityQueue(0) {}
  template <threads::QueueSize N>
  explicit PriorityQueue(N maxsize, Compare compare = {})
      : threads::TaskQueue<T>(threads::QueueOrder::priority, threads::places(maxsize),
                              [compare = std::move(compare)](const threads::QueueNode& a,
                                                             const threads::QueueNode& b) {
                                using Item = typename threads::TypedQueue<T>::Node;
                                return static_cast<bool>(compare(static_cast<const Item&>(a).item,
                                                                 static_cast<const Item&>(b).item));
                              }) {}
};

/// An unbounded queue of put, get, empty and qsize; a put never waits.
template <class T>
class SimpleQueue : public threads::TypedQueue<T> {
 public:
  SimpleQueue() : threads::TypedQueue<T>(threads::QueueOrder::fifo, 0) {}
};

}  // namespace multiprocessing::queue

template <class T>
struct std::hash<multiprocessing::queue::Queue<T>> {
  std::size_t operator()(const multiprocessing::queue::Queue<T>& queue) const noexcept {
    return queue.hash();
  }
};
