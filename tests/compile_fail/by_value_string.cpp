// by_value is for closures that can be copied as bytes.

#include <multiprocessing/detail/function.hpp>

#include <string>

auto make(std::string name) {
  return multiprocessing::by_value([name] { return name.size(); });
}
