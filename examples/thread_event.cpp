// In Python three threads wait for one Event; set() lets all of them go on.

#include <multiprocessing/threading.hpp>

#include <atomic>
#include <iostream>
#include <vector>

namespace threading = multiprocessing::threading;

int main() {
  const threading::Event ready;
  std::atomic<int> passed = 0;
  std::vector<threading::Thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads
        .emplace_back([&passed, ready] {
          ready.wait();
          ++passed;
        })
        .start();
  }
  std::cout << "before set: " << passed << " have passed\n";
  ready.set();
  for (const auto& thread : threads) thread.join();
  std::cout << "after set: " << passed << " have passed\n";
}
