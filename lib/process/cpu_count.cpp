#include <multiprocessing/process.hpp>

#include "sys/cpu_quota.hpp"

namespace multiprocessing {

int cpu_count() {
  return sys::cpu_budget();
}

}  // namespace multiprocessing
