// A file that includes everything and uses Process, Queue and Pool.

#include <multiprocessing/multiprocessing.hpp>

#include <iostream>
#include <string>

namespace mp = multiprocessing;

struct Job {
  int id = 0;
  std::string url;
};

int square(int x) {
  return x * x;
}

void work(const mp::Queue<Job>& jobs) {
  jobs.put({1, "localhost"});
}

int main() {
  const mp::Queue<Job> jobs;
  mp::Process p(work, jobs);
  p.start();
  std::cout << jobs.get().url << '\n';
  p.join();

  mp::Pool pool(2);
  for (const int y : pool.map(square, {1, 2, 3})) std::cout << y << '\n';
}
