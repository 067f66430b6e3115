// In Python a SharedMemory block has a name, by which any process opens it; here a child opens the
// block, with an array of numbers in it, and changes the last one. Its maker removes it in the end.

#include <multiprocessing/process.hpp>
#include <multiprocessing/shared_memory.hpp>

#include <algorithm>
#include <array>
#include <iostream>
#include <string>

namespace mp = multiprocessing;

constexpr std::array kNumbers = {1, 1, 2, 3, 5, 8};

void work(const std::string& name) {
  const mp::SharedMemory block(name);
  block.as<int>(0, kNumbers.size())[5] = 888;
  block.close();
}

int main() {
  const mp::SharedMemory block({.create = true, .size = sizeof kNumbers});
  const auto numbers = block.as<int>(0, kNumbers.size());
  std::ranges::copy(kNumbers, numbers.begin());
  mp::Process p(work, block.name());
  p.start();
  p.join();
  for (const int number : numbers) std::cout << number << '\n';
  block.close();
  block.unlink();
}
