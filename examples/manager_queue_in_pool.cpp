// The Python program needs a Manager's queue here, since its plain Queue cannot be sent to the
// workers of a pool that runs already. This library's can; the Manager merely makes one.

#include <multiprocessing/managers.hpp>
#include <multiprocessing/pool.hpp>

#include <iostream>
#include <set>
#include <tuple>
#include <vector>

namespace mp = multiprocessing;

void square(const mp::Queue<int>& answers, int x) {
  answers.put(x * x);
}

int main() {
  const mp::Manager manager;
  mp::Pool pool(3);
  const auto answers = manager.Queue<int>();

  std::vector<std::tuple<mp::Queue<int>, int>> tasks;
  for (const int x : mp::range(5)) tasks.emplace_back(answers, x);
  pool.starmap(square, tasks);

  std::set<int> sorted;
  while (sorted.size() < 5) sorted.insert(answers.get());
  std::cout << "in the queue:";
  for (const int y : sorted) std::cout << ' ' << y;
  std::cout << '\n';
}
