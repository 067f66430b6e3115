// A pointer to a function knows nothing of its default arguments.

#include <multiprocessing/futures.hpp>

int scaled(int x, int factor = 2) {
  return x * factor;
}

int main() {
  multiprocessing::ProcessPoolExecutor processes(2);
  return processes.submit(scaled, 3).result();
}
