// In Python one opens a Pool of worker processes in a `with` block and hands its map a function and
// a list: the workers call the function on the elements, and the results come back as a list in the
// order of these. Here the block is a scope.

#include <multiprocessing/pool.hpp>

#include <iostream>

namespace mp = multiprocessing;

int square(int x) {
  return x * x;
}

int main() {
  mp::Pool pool(5);
  for (const int y : pool.map(square, {1, 2, 3})) std::cout << y << '\n';
}
