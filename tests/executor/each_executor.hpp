#pragma once

// For cases that run on executors of processes and of threads alike.

#include <memory>

#include <gtest/gtest.h>

#include <multiprocessing/futures.hpp>

namespace multiprocessing::test {

inline std::unique_ptr<Executor> make_executor(bool of_processes, int workers) {
  if (of_processes) return std::make_unique<ProcessPoolExecutor>(workers);
  return std::make_unique<ThreadPoolExecutor>(workers);
}

/// The parameter of such a case as a part of its name.
inline const char* executor_name(const testing::TestParamInfo<bool>& info) {
  return info.param ? "Processes" : "Threads";
}

}  // namespace multiprocessing::test
