// Which of a Pool's options a ThreadPool can have.

#include <string>
#include <utility>

#include <multiprocessing/detail/pool_core.hpp>
#include <multiprocessing/detail/pool_options.hpp>
#include <multiprocessing/errors.hpp>
#include <multiprocessing/process.hpp>

namespace multiprocessing::detail {
namespace {

[[noreturn]] void refuse(const std::string& option, const std::string& instead) {
  throw ValueError("a ThreadPool cannot have the option " + option + ": " + instead);
}

void require_for_threads(const ProcessOptions& worker) {
  const std::pair<bool, const char*> set[] = {
      {worker.daemon.has_value(), "worker.daemon"},
      {worker.method.has_value(), "worker.method"},
      {worker.new_group, "worker.new_group"},
      {worker.die_with_parent, "worker.die_with_parent"},
      {worker.stdin_.has_value(), "worker.stdin_"},
      {worker.stdout_.has_value(), "worker.stdout_"},
      {worker.stderr_.has_value(), "worker.stderr_"},
      {!worker.cwd.empty(), "worker.cwd"},
      {!worker.env.empty(), "worker.env"},
      {worker.memory_limit.has_value(), "worker.memory_limit"},
      {!worker.cpus.empty(), "worker.cpus"},
      {worker.nice != 0, "worker.nice"},
  };
  for (const auto& [is_set, option] : set) {
    if (is_set) refuse(option, "its workers are threads of this process");
  }
}

}  // namespace

ThreadEngineOptions thread_options(PoolOptions options) {
  if (options.maxtasksperchild != 0) refuse("maxtasksperchild", "its threads stay");
  if (options.method) refuse("method", "its workers are threads of this process");
  if (!options.task_timeout.is_forever()) {
    refuse("task_timeout", "give TaskOptions.timeout to each apply_async");
  }
  if (options.retries != 0) {
    refuse("retries", "no worker dies; give TaskOptions.retry to each apply_async");
  }
  require_for_threads(options.worker);
  ThreadEngineOptions threads;
  threads.threads = options.processes ? *options.processes : cpu_count();
  threads.at_once = true;
  threads.prefix = options.worker.name.empty() ? "ThreadPool" : std::move(options.worker.name);
  if (options.initializer) threads.initializer = std::move(options.initializer);
  if (options.finalizer) threads.finalizer = std::move(options.finalizer);
  return threads;
}

}  // namespace multiprocessing::detail
