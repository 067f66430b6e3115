// The Python program computes fib(30) to fib(39) once on threads and once on processes: there the
// threads take turns, and only the processes share out the work. Here both do.

#include <multiprocessing/futures.hpp>

#include <chrono>
#include <cstdint>
#include <iostream>
#include <string>

namespace mp = multiprocessing;

std::int64_t fib(std::int64_t n) {
  return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

template <class Executor>
void run(const std::string& name) {
  Executor executor;
  const auto began = std::chrono::steady_clock::now();
  std::int64_t n = 30;
  for (const std::int64_t result : executor.map(fib, mp::range(30, 40))) {
    std::cout << "fib(" << n++ << ") = " << result << '\n';
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  std::cout << name << ": " << took.count() << " s\n";
}

int main() {
  run<mp::ThreadPoolExecutor>("threads");
  run<mp::ProcessPoolExecutor>("processes");
}
