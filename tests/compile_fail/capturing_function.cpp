// The same in a Function.

#include <multiprocessing/pool.hpp>

multiprocessing::Function<void()> make(int& counter) {
  return [&counter] { ++counter; };
}
