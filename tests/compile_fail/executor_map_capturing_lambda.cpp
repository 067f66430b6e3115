// A ProcessPoolExecutor knows that its workers are processes.

#include <multiprocessing/futures.hpp>

int main() {
  multiprocessing::ProcessPoolExecutor executor(2);
  int factor = 3;
  (void)executor.map([&factor](int x) { return factor * x; }, multiprocessing::range(10));
}
