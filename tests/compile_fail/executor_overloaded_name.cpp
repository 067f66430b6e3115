// std::pow is many functions.

#include <multiprocessing/futures.hpp>

#include <cmath>

int main() {
  multiprocessing::ProcessPoolExecutor executor(2);
  const auto future = executor.submit(std::pow, 2.0, 3.0);
  return future.done() ? 0 : 1;
}
