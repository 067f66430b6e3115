// In Python the end of the program waits for every thread that is not daemonic. The one here never
// ends; as a daemon it is abandoned.

#include <multiprocessing/threading.hpp>

#include <chrono>
#include <iostream>
#include <thread>

namespace threading = multiprocessing::threading;

int main() {
  const threading::Event once;
  threading::Thread heart({.name = "heart", .daemon = true}, [once] {
    std::cout << "beat" << std::endl;
    once.set();
    while (true) std::this_thread::sleep_for(std::chrono::hours(1));
  });
  heart.start();
  once.wait();
  std::cout << "main ends before the thread, which is " << (heart.daemon() ? "daemonic" : "not")
            << '\n';
}
