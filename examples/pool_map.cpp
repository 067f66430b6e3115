// In Python one opens a Pool of worker processes in a `with` block and hands its map a function and
// a list: the pool deals the numbers out to the workers, each tests the ones that it gets for being
// prime, and the answers come back as a list in the order of the numbers. Here the block is a
// scope.

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <vector>

#include <multiprocessing/pool.hpp>

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

  mp::Pool pool(4);
  const std::vector<bool> primes = pool.map(is_prime, numbers);

  for (std::size_t i = 0; i < numbers.size(); ++i) {
    std::printf("%lld is prime: %s\n", static_cast<long long>(numbers[i]),
                primes[i] ? "True" : "False");
  }
}
