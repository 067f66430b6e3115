// The same in a Function.

#include <multiprocessing/detail/function.hpp>

multiprocessing::Function<void()> make(int& counter) {
  return [&counter] { ++counter; };
}
