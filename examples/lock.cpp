// The Python program starts ten processes in a loop without keeping them: they go on, and the
// program ends after them. A lock keeps one line of output from running into another.

#include <multiprocessing/process.hpp>
#include <multiprocessing/synchronize.hpp>

#include <iostream>
#include <mutex>

namespace mp = multiprocessing;

void greet(const mp::Lock& lock, int i) {
  const std::lock_guard guard(lock);
  std::cout << "hello world " << i << std::endl;
}

int main() {
  const mp::Lock lock;
  for (int i = 0; i < 10; ++i) mp::Process(greet, lock, i).start();
}
