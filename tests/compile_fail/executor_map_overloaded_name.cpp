// std::sqrt is many functions.

#include <multiprocessing/futures.hpp>

#include <cmath>
#include <vector>

int main() {
  multiprocessing::ProcessPoolExecutor executor(2);
  (void)executor.map(std::sqrt, std::vector<double>{1.0, 4.0});
}
