// A default argument is not part of a function's type.

#include <multiprocessing/pool.hpp>

int repeat(int n, int times = 2) {
  return n * times;
}

int use(multiprocessing::Pool& pool) {
  return pool.apply(repeat, 3);
}
