// A lambda that captures is pointed to partial and by_value.

#include <multiprocessing/pool.hpp>

void use(multiprocessing::Pool& pool, int& counter) {
  pool.apply([&counter](int n) { counter += n; }, 3);
}
