// Where a queue keeps its nodes.

#include "threading/local_queue.hpp"

namespace multiprocessing::threads {

LocalQueue::~LocalQueue() {
  for (QueueNode* node = first; node != nullptr;) destroy(std::exchange(node, node->next));
  for (QueueNode* node = heap.take_all(); node != nullptr;) {
    destroy(std::exchange(node, node->next));
  }
}

void push(LocalQueue& queue, QueueNode& node) {
  switch (queue.order) {
    case QueueOrder::priority:
      queue.heap.push(node, queue.before);
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
    QueueNode& top = queue.heap.pop(queue.before);
    --queue.size;
    return top;
  }
  QueueNode& node = *queue.first;
  queue.first = node.next;
  --queue.size;
  return node;
}

}  // namespace multiprocessing::threads
