#pragma once

// How a pool is to be made: PoolOptions, which is public.

#include <optional>

#include <multiprocessing/detail/function.hpp>
#include <multiprocessing/detail/process_options.hpp>
#include <multiprocessing/detail/timeout.hpp>

namespace multiprocessing {

/// Everything has a default: `Pool({.processes = 4, .initializer = partial(f, args...)})`.
struct PoolOptions {
  std::optional<int> processes{};       // empty: cpu_count()
  Function<void()> initializer{};       // called first in each worker
  int maxtasksperchild = 0;             // tasks (chunks, for map) in a worker's life; 0: no bound
  std::optional<StartMethod> method{};  // of keeper and workers; empty: the default one
  Timeout task_timeout{};               // for each task, and each item of a map
  int retries = 0;                      // of a task whose worker died or that overran its limit
  Function<void()> finalizer{};         // called last in each worker that ends in order
  ProcessOptions worker{};              // name (a number is added), directory, environment, limits
};

}  // namespace multiprocessing
