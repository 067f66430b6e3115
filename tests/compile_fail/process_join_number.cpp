// A number of what?

#include <multiprocessing/process.hpp>

int main() {
  multiprocessing::Process process([] {});
  process.start();
  return process.join(5) ? 0 : 1;
}
