// In Python a Thread is made of a function and its arguments, start() begins it, and join() waits
// until it has ended; one that is not joined delays the end of the program. So it is here.

#include <multiprocessing/threading.hpp>

#include <iostream>
#include <string>

namespace threading = multiprocessing::threading;

void greet(const std::string& name) {
  std::cout << "hello " << name << '\n';
}

int main() {
  threading::Thread t(greet, "bob");
  t.start();
  t.join();
  std::cout << "joined\n";
}
