#include <multiprocessing/sharedctypes.hpp>

int main() {
  const multiprocessing::Value<double> v(1.5);
  const double copy = v.value;
  auto name = v.value;  // neither a copy of the number nor another name of it
  return static_cast<int>(copy + name);
}
