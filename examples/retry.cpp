// The Python program retries a function that raises, with tenacity's "stop after two attempts or
// 0.2 seconds"; then the error goes on to the caller. Here an executor's task does the same.

#include <multiprocessing/futures.hpp>

#include <chrono>
#include <iostream>
#include <stdexcept>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

void fetch() {
  std::cout << "trying" << std::endl;
  throw std::runtime_error("nobody answers");
}

int main() {
  mp::ProcessPoolExecutor executor(1);
  const auto retry = mp::retry_on<std::runtime_error>({.attempts = 2, .stop_after = 200ms});
  try {
    executor.submit({.retry = retry}, fetch).result();
  } catch (const std::runtime_error& error) {
    std::cout << "gave up: " << error.what() << '\n';
  }
}
