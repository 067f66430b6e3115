#include "threading/node_heap.hpp"

#include <algorithm>
#include <array>

namespace multiprocessing::threads {

NodeHeap::~NodeHeap() {
  delete[] nodes_.load(std::memory_order_relaxed);
}

void NodeHeap::push(QueueNode& node, const Before& before) {
  restore_order(before);
  const std::size_t last = size();
  const std::size_t place = place_above(last, node, before);
  if (last == capacity_) grow();
  put(last, node);
  count_.store(last + 1, std::memory_order_release);
  sink_to(place, last, node);
}

QueueNode& NodeHeap::pop(const Before& before) {
  restore_order(before);
  QueueNode& top = at(0);
  const std::size_t left = size() - 1;
  QueueNode& moved = at(left);
  std::array<std::size_t, 64> path;  // of the hole that the top leaves
  std::size_t depth = 0;
  for (std::size_t hole = 0; 2 * hole + 1 < left; ++depth) {
    std::size_t child = 2 * hole + 1;
    if (child + 1 < left && before(at(child + 1), at(child))) ++child;
    if (!before(at(child), moved)) break;
    path[depth] = hole = child;
  }
  std::size_t hole = 0;
  for (std::size_t i = 0; i < depth; ++i) {
    put(hole, at(path[i]));
    hole = path[i];
  }
  put(hole, moved);
  count_.store(left, std::memory_order_release);
  return top;
}

QueueNode* NodeHeap::take_all() noexcept {
  const std::size_t count = size();
  count_.store(0, std::memory_order_release);
  QueueNode* chain = nullptr;
  for (std::size_t i = 0; i < count; ++i) {
    at(i).next = chain;
    chain = &at(i);
  }
  return chain;
}

// Nodes in a heap do not use `next`: one that has been met points to itself.
void NodeHeap::mend() noexcept {
  const std::size_t count = size();
  std::size_t kept = 0;
  for (std::size_t i = 0; i < count; ++i) at(i).next = nullptr;
  for (std::size_t i = 0; i < count; ++i) {
    QueueNode& node = at(i);
    if (node.next == &node) continue;
    node.next = &node;
    put(kept++, node);
  }
  count_.store(kept, std::memory_order_release);
  disordered_ = true;
}

/// Where above place `i` the node belongs: its ancestors that come after it are to move down.
std::size_t NodeHeap::place_above(std::size_t i, const QueueNode& node,
                                  const Before& before) const {
  while (i > 0 && before(node, at((i - 1) / 2))) i = (i - 1) / 2;
  return i;
}

void NodeHeap::sink_to(std::size_t place, std::size_t i, QueueNode& node) noexcept {
  for (; i != place; i = (i - 1) / 2) put(i, at((i - 1) / 2));
  put(place, node);
}

void NodeHeap::restore_order(const Before& before) {
  if (!disordered_) return;
  for (std::size_t i = 1; i < size(); ++i) {
    QueueNode& node = at(i);
    sink_to(place_above(i, node, before), i, node);
  }
  disordered_ = false;
}

void NodeHeap::grow() {
  const std::size_t capacity = std::max<std::size_t>(16, 2 * capacity_);
  auto* const fresh = new Place[capacity];
  Place* const former = nodes_.load(std::memory_order_relaxed);
  for (std::size_t i = 0; i < size(); ++i) {
    fresh[i].store(&at(i), std::memory_order_relaxed);  // nobody sees it yet
  }
  nodes_.store(fresh, std::memory_order_release);  // H3
  capacity_ = capacity;
  delete[] former;
}

}  // namespace multiprocessing::threads
