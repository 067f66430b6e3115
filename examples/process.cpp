// In Python a Process is made of a function and its arguments, start() begins a child that calls
// it, and join() waits until that child has ended. So it is here.

#include <multiprocessing/process.hpp>

#include <iostream>
#include <string>

namespace mp = multiprocessing;

void greet(const std::string& name) {
  std::cout << "hello " << name << '\n';
}

int main() {
  mp::Process p(greet, "bob");
  p.start();
  p.join();
}
