// A lambda that captures is pointed to partial and by_value.

#include <multiprocessing/detail/function.hpp>

void send(int& counter) {
  const auto add = [&counter](int n) { counter += n; };
  multiprocessing::detail::require_callable<decltype(add), int>();
}
