// In Python a ThreadPoolExecutor takes a function and its arguments and gives a Future, whose
// result() waits for the answer. std::pow has overloads, so a lambda says which one is meant.

#include <multiprocessing/futures.hpp>

#include <cmath>
#include <iostream>

namespace mp = multiprocessing;

int main() {
  mp::ThreadPoolExecutor executor(1);
  auto future = executor.submit([](double x, double y) { return std::pow(x, y); }, 2, 10);
  std::cout << future.result() << '\n';
}
