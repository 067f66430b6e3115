// A number of what?

#include <multiprocessing/synchronize.hpp>

int main() {
  const multiprocessing::Lock lock;
  return lock.acquire(2.5) ? 0 : 1;
}
