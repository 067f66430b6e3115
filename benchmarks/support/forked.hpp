#pragma once

// For benchmarks that measure processes which they fork.

#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <new>

namespace benchmark_support {

/// Lets the calling process run on one processor only; the numbers begin anew after the last one.
inline void tie_to(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<unsigned>(cpu) % static_cast<unsigned>(::sysconf(_SC_NPROCESSORS_ONLN)),
          &set);
  (void)::sched_setaffinity(0, sizeof set, &set);
}

/// In zeroed memory that is shared with every child forked later. Never freed.
template <class T>
T* shared() {
  void* memory =
      ::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) std::abort();
  return new (memory) T;
}

}  // namespace benchmark_support
