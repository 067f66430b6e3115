// std::pow is many functions.

#include <multiprocessing/pool.hpp>

#include <cmath>

int main() {
  multiprocessing::Pool pool(2);
  return static_cast<int>(pool.apply_async(std::pow, 2.0, 3.0).get());
}
