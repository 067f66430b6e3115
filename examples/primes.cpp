// The Python program hands six numbers of fifteen digits to the map of a ProcessPoolExecutor, whose
// workers test them for being prime at the same time; zip pairs the answers with the numbers.

#include <multiprocessing/futures.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <vector>

namespace mp = multiprocessing;

bool is_prime(std::int64_t number) {
  if (number < 2) return false;
  if (number % 2 == 0) return number == 2;
  const auto root = static_cast<std::int64_t>(std::sqrt(static_cast<double>(number)));
  for (std::int64_t divisor = 3; divisor <= root; divisor += 2) {
    if (number % divisor == 0) return false;
  }
  return true;
}

int main() {
  const std::vector<std::int64_t> numbers{112272535095293, 112582705942171, 115280095190773,
                                          115797848077099, 112272535095295, 117450548693743};
  mp::ProcessPoolExecutor executor;
  std::size_t i = 0;
  for (const bool prime : executor.map(is_prime, numbers)) {
    std::cout << numbers[i++] << " is prime: " << (prime ? "True" : "False") << '\n';
  }
}
