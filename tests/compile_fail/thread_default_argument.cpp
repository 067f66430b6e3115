// A pointer to a function knows nothing of its default arguments.

#include <multiprocessing/futures.hpp>

int scaled(int x, int factor = 2) {
  return x * factor;
}

int main() {
  multiprocessing::ThreadPoolExecutor threads(2);
  return threads.submit(scaled, 3).result();
}
