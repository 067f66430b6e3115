#include <multiprocessing/process.hpp>
#include <multiprocessing/queues.hpp>

namespace mp = multiprocessing;

int main() {
  mp::Queue<int> q;
  mp::Process p([q] { q.put(42); });
  p.start();
  const int got = q.get();
  p.join();
  return got == 42 && p.exitcode() == 0 ? 0 : 1;
}
