// In Python a Value and an Array of C types live in shared memory; the child sets the one, negates
// the elements of the other, and the parent prints what it finds there.

#include <multiprocessing/process.hpp>
#include <multiprocessing/sharedctypes.hpp>

#include <iomanip>
#include <iostream>

namespace mp = multiprocessing;

void work(const mp::Value<double>& number, const mp::Array<int>& array) {
  number.value = 3.1415927;
  for (int& element : array) element = -element;
}

int main() {
  const mp::Value<double> number(0.0);
  const mp::Array<int> array(mp::range(10));
  mp::Process p(work, number, array);
  p.start();
  p.join();
  std::cout << std::setprecision(8) << number.value << '\n' << array << '\n';
}
