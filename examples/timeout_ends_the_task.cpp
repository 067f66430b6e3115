// The Python program gives ten workers an endless loop in an endless loop and waits for each result
// at most a second. There only the waiting ends; the loops go on until the whole pool is torn down.
// Here the limit is the task's: the loops end, and the workers are ready for more.

#include <multiprocessing/pool.hpp>
#include <multiprocessing/process.hpp>

#include <chrono>
#include <iostream>
#include <vector>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

void endless() {
  volatile bool on = true;
  while (on) {
    while (on) {
    }
  }
}

int main() {
  {
    mp::Pool pool({.processes = 10, .task_timeout = 1s});
    std::vector<mp::AsyncResult<void>> results;
    for (int i = 0; i < 10; ++i) results.push_back(pool.apply_async(endless));
    for (int i = 0; i < 10; ++i) {
      try {
        results[static_cast<std::size_t>(i)].get();
      } catch (const mp::TaskTimeout&) {
        std::cout << "task " << i << " took more than 1 s\n";
      }
    }
  }
  std::cout << mp::active_children().size() << " processes are left\n";
}
