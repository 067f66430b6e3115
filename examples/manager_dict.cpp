// In Python a Manager's server process keeps a dict and a list that a child changes through
// proxies. Here both live in shared memory, there is no server, and += on a value is one step.

#include <multiprocessing/managers.hpp>
#include <multiprocessing/process.hpp>

#include <algorithm>
#include <iostream>
#include <string>

namespace mp = multiprocessing;

void work(const mp::Dict<std::string, int>& ages, const mp::List<int>& numbers) {
  ages["hermione"] = 16;
  ages["ron"] += 1;
  numbers.reverse();
}

int main() {
  const mp::Manager manager;
  const auto ages = manager.dict<std::string, int>({{"ron", 15}});
  const auto numbers = manager.list<int>(mp::range(10));
  mp::Process p(work, ages, numbers);
  p.start();
  p.join();
  for (const auto& [name, age] : ages.copy()) std::cout << name << " is " << age << '\n';
  std::cout << numbers << '\n';
}
