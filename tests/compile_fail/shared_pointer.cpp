// A pointer is no value that others could read.

#include <multiprocessing/sharedctypes.hpp>

int main() {
  static int number = 3;
  const multiprocessing::Shared<int*> shared(&number);
  return **shared;
}
