#include "process/state.hpp"

#include "process/local.hpp"
#include "shm/process_table.hpp"

namespace multiprocessing {
void Process::State::check_start() const {
  if (phase != Phase::fresh) throw ValueError("cannot start a process twice");
  if (creator != shm::self()) {
    throw ValueError("can only start a process object created by current process");
  }
  if (process::local().daemon)
    throw ValueError("daemonic processes are not allowed to have children");
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
