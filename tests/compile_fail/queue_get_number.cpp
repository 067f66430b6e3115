// Python's q.get(5) waits for ever, and its q.get(timeout=5) for five seconds.

#include <multiprocessing/queues.hpp>

int main() {
  const multiprocessing::Queue<int> queue;
  return queue.get(5);
}
