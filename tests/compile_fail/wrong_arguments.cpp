// A default argument is not part of a function's type.

#include <multiprocessing/detail/function.hpp>

int repeat(int n, int times = 2) {
  return n * times;
}

void send() {
  multiprocessing::detail::require_callable<decltype(repeat), int>();
}
