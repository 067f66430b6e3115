#pragma once

// A binary heap of nodes, for a queue between threads.
//
// Layout: an array, each node at i before those at 2i + 1 and 2i + 2
//
// Invariants
//   H1  A push or pop compares first and moves afterwards: what `before` throws changes nothing.
//   H2  At each moment every node is in the array, but for the one that is being put or taken: a
//       move writes a node to its new place before anything is written to its old one. So a child
//       forked in the middle of one finds them all, some twice.
//   H3  The array is whole when its address is written, and the former one is freed after that.
//
// The stores are atomic so that they stay in order (release); one thread at a time makes them.
//
// Death: with its process.

#include <atomic>
#include <cstddef>

#include <multiprocessing/detail/thread_queue.hpp>

namespace multiprocessing::threads {

class NodeHeap {
 public:
  using Before = NodeQueue::Before;

  NodeHeap() = default;
  NodeHeap(const NodeHeap&) = delete;
  NodeHeap& operator=(const NodeHeap&) = delete;
  ~NodeHeap();

  [[nodiscard]] std::size_t size() const noexcept { return count_.load(std::memory_order_relaxed); }
  /// \throws what `before` throws, std::bad_alloc
  void push(QueueNode& node, const Before& before);
  /// Requires a node. \throws what `before` throws
  QueueNode& pop(const Before& before);
  /// Takes all out, as a chain.
  QueueNode* take_all() noexcept;
  /// In a child forked while another thread was in here: each node is there once. The next push or
  /// pop puts them in order.
  void mend() noexcept;

 private:
  using Place = std::atomic<QueueNode*>;

  // relaxed: one thread at a time
  [[nodiscard]] QueueNode& at(std::size_t i) const noexcept {
    return *nodes_.load(std::memory_order_relaxed)[i].load(std::memory_order_relaxed);
  }
  void put(std::size_t i, QueueNode& node) noexcept {
    nodes_.load(std::memory_order_relaxed)[i].store(&node, std::memory_order_release);  // H2
  }
  [[nodiscard]] std::size_t place_above(std::size_t i, const QueueNode& node,
                                        const Before& before) const;
  void sink_to(std::size_t place, std::size_t i, QueueNode& node) noexcept;
  void restore_order(const Before& before);
  void grow();

  std::atomic<Place*> nodes_{nullptr};
  std::atomic<std::size_t> count_{0};
  std::size_t capacity_ = 0;
  bool disordered_ = false;
};

}  // namespace multiprocessing::threads
