#include "process/state.hpp"

#include "process/local.hpp"
#include "shm/process_table.hpp"

namespace multiprocessing {
namespace {

const char* name_of(StartMethod method) {
  return method == StartMethod::spawn ? "spawn" : "forkserver";
}

}  // namespace

void Process::State::check_start() const {
  if (phase != Phase::fresh) throw ValueError("cannot start a process twice");
  if (creator != shm::self()) {
    throw ValueError("can only start a process object created by current process");
  }
  if (process::local().daemon)
    throw ValueError("daemonic processes are not allowed to have children");
  const StartMethod method = options.method.value_or(StartMethod::fork);
  if (method != StartMethod::fork) {
    throw ValueError(std::string("start method '") + name_of(method) + "' is not available yet");
  }
}

process::Child& Process::State::started_child() const {
  if (!child)
    throw ValueError(phase == Phase::current ? "not a child process" : "process not started");
  return *child;
}

process::Child& Process::State::own_child(const char* if_foreign, const char* if_fresh) const {
  if (creator != shm::self() || phase == Phase::current) throw ValueError(if_foreign);
  if (!child) throw ValueError(if_fresh);
  return *child;
}

}  // namespace multiprocessing
