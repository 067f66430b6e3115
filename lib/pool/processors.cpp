#include "pool/processors.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include <multiprocessing/process.hpp>

namespace multiprocessing::pool {
namespace {

struct Library {
  const char* variable;
  const char* setter;  // void(int); nullptr: it reads the variable when it is asked
};

constexpr Library kLibraries[] = {
    {"OMP_NUM_THREADS", "omp_set_num_threads"},
    {"OPENBLAS_NUM_THREADS", "openblas_set_num_threads"},
    {"MKL_NUM_THREADS", "MKL_Set_Num_Threads"},
    {"BLIS_NUM_THREADS", "bli_thread_set_num_threads"},
    {"NUMEXPR_NUM_THREADS", nullptr},
    {"NUMBA_NUM_THREADS", nullptr},
};

bool chosen[std::size(kLibraries)] = {};  // by us

}  // namespace

void share_processors(std::uint32_t workers) noexcept {
  const int threads = std::max(1, cpu_count() / static_cast<int>(std::max(workers, 1U)));
  const std::string text = std::to_string(threads);
  for (std::size_t i = 0; i < std::size(kLibraries); ++i) {
    const char* const variable = kLibraries[i].variable;
    chosen[i] = ::getenv(variable) == nullptr;                 // NOLINT(concurrency-mt-unsafe)
    if (chosen[i]) (void)::setenv(variable, text.c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
  }
}

void tell_libraries() noexcept {
  for (std::size_t i = 0; i < std::size(kLibraries); ++i) {
    // What the worker's environment says now: PoolOptions::worker may have set it.
    const char* const value = ::getenv(kLibraries[i].variable);  // NOLINT(concurrency-mt-unsafe)
    if (!chosen[i] || kLibraries[i].setter == nullptr || value == nullptr) continue;
    if (void* const setter = ::dlsym(RTLD_DEFAULT, kLibraries[i].setter)) {
      const int count = std::atoi(value);
      if (count > 0) reinterpret_cast<void (*)(int)>(setter)(count);
    }
  }
}

std::uint32_t chosen_variables() noexcept {
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < std::size(kLibraries); ++i) {
    if (chosen[i]) bits |= 1U << i;
  }
  return bits;
}

void take_choice(std::uint32_t bits) noexcept {
  for (std::size_t i = 0; i < std::size(kLibraries); ++i) chosen[i] = (bits >> i & 1U) != 0;
}

}  // namespace multiprocessing::pool
