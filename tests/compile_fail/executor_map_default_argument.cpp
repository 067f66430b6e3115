// A default argument is not part of a function's type.

#include <multiprocessing/futures.hpp>

int repeat(int n, int times = 2) {
  return n * times;
}

int main() {
  multiprocessing::ThreadPoolExecutor executor(2);
  (void)executor.map(repeat, multiprocessing::range(3));
}
