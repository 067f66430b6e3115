// As users meet it.

#include <multiprocessing/futures.hpp>

int main() {
  multiprocessing::ProcessPoolExecutor executor(2);
  const int factor = 3;
  const auto future = executor.submit([&factor](int x) { return factor * x; }, 14);
  return future.result();
}
