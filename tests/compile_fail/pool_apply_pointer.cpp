// A pointer among the arguments of a task.

#include <multiprocessing/pool.hpp>

int value_at(const int* place) {
  return *place;
}

int main() {
  multiprocessing::Pool pool(2);
  const int number = 3;
  return pool.apply(value_at, &number);
}
