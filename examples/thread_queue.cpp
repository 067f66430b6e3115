// The Python program has a daemonic thread that takes items out of a queue.Queue and calls
// task_done for each; join() waits until that has happened for all that were put.

#include <multiprocessing/queue.hpp>
#include <multiprocessing/threading.hpp>

#include <iostream>

namespace mp = multiprocessing;

void work(const mp::queue::Queue<int>& items) {
  while (true) {
    const int item = items.get();
    std::cout << "working on " << item << '\n';
    items.task_done();
  }
}

int main() {
  const mp::queue::Queue<int> items;
  mp::threading::Thread worker({.daemon = true}, work, items);
  worker.start();
  for (const int item : mp::range(5)) items.put(item);
  items.join();
  std::cout << "all work is done\n";
}
