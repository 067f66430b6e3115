// What OpenMP itself says in a worker: so many threads that all workers together have one for each
// processor. GCC's runtime is loaded as a library's user would have it, whatever the compiler.

#include <multiprocessing/pool.hpp>

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>

#include <gtest/gtest.h>

#include <multiprocessing/process.hpp>

#include "support/child.hpp"

namespace multiprocessing {
namespace {

/// omp_get_max_threads() of this process; -1: there is no such runtime.
int max_threads() {
  void* const library = ::dlopen("libgomp.so.1", RTLD_NOW | RTLD_GLOBAL);
  if (library == nullptr) return -1;
  void* const function = ::dlsym(library, "omp_get_max_threads");
  return function == nullptr ? -1 : reinterpret_cast<int (*)()>(function)();
}

int share(int workers) {
  return std::max(1, cpu_count() / workers);
}

// Each in a program of its own: once a runtime is loaded it has read its variables.
void expect_share(StartMethod method, bool loaded_before, const char* wanted) {
  const auto ended = test::in_a_program([=] {
    wanted == nullptr ? ::unsetenv("OMP_NUM_THREADS") : ::setenv("OMP_NUM_THREADS", wanted, 1);
    if (loaded_before) test::require(max_threads() > 0);
    for (const int workers : {1, 2, 16}) {
      Pool pool({.processes = workers, .method = method});
      test::require(pool.apply(max_threads) ==
                    (wanted == nullptr ? share(workers) : std::atoi(wanted)));
    }
  });
  EXPECT_EQ(ended, test::exited(0));
}

class PoolOpenMpTest : public testing::TestWithParam<StartMethod> {
 protected:
  void SetUp() override {
    const auto there = test::in_a_program([] { test::require(max_threads() > 0); });
    if (there != test::exited(0)) GTEST_SKIP() << "no libgomp.so.1 on this machine";
  }
};

INSTANTIATE_TEST_SUITE_P(Methods, PoolOpenMpTest,
                         testing::Values(StartMethod::fork, StartMethod::forkserver,
                                         StartMethod::spawn),
                         [](const auto& test) {
                           return test.param == StartMethod::fork    ? "Fork"
                                  : test.param == StartMethod::spawn ? "Spawn"
                                                                     : "ForkServer";
                         });

TEST_P(PoolOpenMpTest, WorkersShareTheProcessors) {
  expect_share(GetParam(), false, nullptr);
}

TEST_P(PoolOpenMpTest, WorkersShareThemThoughTheRuntimeWasLoadedBefore) {
  expect_share(GetParam(), true, nullptr);
}

TEST_P(PoolOpenMpTest, TheUsersChoiceHolds) {
  expect_share(GetParam(), false, "3");
  expect_share(GetParam(), true, "3");
}

}  // namespace
}  // namespace multiprocessing
