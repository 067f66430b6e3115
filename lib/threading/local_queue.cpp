// Where a queue keeps its nodes.

#include "threading/local_queue.hpp"

#include <array>

namespace multiprocessing::threads {
namespace {

// Both walks compare first and move afterwards, so that a comparison may throw (I2).

/// Where a new node belongs: its ancestors that come after it move down.
void push_heap(LocalQueue& queue, QueueNode& node) {
  std::vector<QueueNode*>& heap = queue.heap;
  std::size_t place = heap.size();
  while (place > 0 && queue.before(node, *heap[(place - 1) / 2])) place = (place - 1) / 2;
  heap.push_back(&node);
  for (std::size_t i = heap.size() - 1; i != place; i = (i - 1) / 2) heap[i] = heap[(i - 1) / 2];
  heap[place] = &node;
}

QueueNode& pop_heap(LocalQueue& queue) {
  std::vector<QueueNode*>& heap = queue.heap;
  QueueNode& top = *heap.front();
  QueueNode* const moved = heap.back();
  const std::size_t left = heap.size() - 1;
  std::array<std::size_t, 64> path;  // of the hole that the top leaves
  std::size_t depth = 0;
  for (std::size_t hole = 0; 2 * hole + 1 < left; ++depth) {
    std::size_t child = 2 * hole + 1;
    if (child + 1 < left && queue.before(*heap[child + 1], *heap[child])) ++child;
    if (!queue.before(*heap[child], *moved)) break;
    path[depth] = hole = child;
  }
  std::size_t hole = 0;
  for (std::size_t i = 0; i < depth; ++i) {
    heap[hole] = heap[path[i]];
    hole = path[i];
  }
  heap[hole] = moved;
  heap.pop_back();
  return top;
}

}  // namespace

LocalQueue::~LocalQueue() {
  for (QueueNode* node = first; node != nullptr;) destroy(std::exchange(node, node->next));
  for (QueueNode* node : heap) destroy(node);
}

void push(LocalQueue& queue, QueueNode& node) {
  switch (queue.order) {
    case QueueOrder::priority:
      push_heap(queue, node);
      break;
    case QueueOrder::lifo:
      node.next = queue.first;
      queue.first = &node;
      break;
    case QueueOrder::fifo:
      node.next = nullptr;
      (queue.first != nullptr ? queue.last->next : queue.first) = &node;
      queue.last = &node;
      break;
  }
  ++queue.size;
}

QueueNode& pop(LocalQueue& queue) {
  if (queue.order == QueueOrder::priority) {
    QueueNode& top = pop_heap(queue);
    --queue.size;
    return top;
  }
  QueueNode& node = *queue.first;
  queue.first = node.next;
  --queue.size;
  return node;
}

}  // namespace multiprocessing::threads
