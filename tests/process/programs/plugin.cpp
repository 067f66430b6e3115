// A shared library that knows nothing of this project: a function of it as a target.

#include "process/programs/plugin.hpp"

#include <cstdlib>

namespace {
int answer = 7;  // at another address in every process
}  // namespace

int plugin_product(int factor) {
  return answer * factor;
}

void plugin_target(int factor) {
  std::exit(answer * factor);  // NOLINT(concurrency-mt-unsafe): a child's only thread
}
