// A starmap over something that is no tuple.

#include <vector>

#include <multiprocessing/pool.hpp>

void use(multiprocessing::Pool& pool) {
  pool.starmap([](int x) { return x; }, std::vector<int>{1, 2, 3});
}
