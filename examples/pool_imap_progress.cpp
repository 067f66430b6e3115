// The Python program wraps tqdm around a pool's imap: results come one by one, in order, while
// later ones are still computed, and a bar on stderr shows how far it is.

#include <multiprocessing/pool.hpp>
#include <multiprocessing/progress.hpp>

#include <iostream>

namespace mp = multiprocessing;

int square(int x) {
  return x * x;
}

int main() {
  mp::Pool pool(4);
  int total = 0;
  for (const int y :
       mp::tqdm(pool.imap(square, mp::range(10)), {.total = 10, .desc = "watching"})) {
    total += y;
  }
  std::cout << "the squares add up to " << total << '\n';
}
