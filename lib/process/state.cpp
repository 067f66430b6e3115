#include "process/state.hpp"

#include <string>

#include "process/local.hpp"
#include "shm/process_table.hpp"

namespace multiprocessing {
void Process::State::check_start() const {
  if (phase != Phase::fresh)
    throw ValueError("cannot start a process twice: " + name +
                     " has been started; make another Process");
  if (creator != shm::self()) {
    throw ValueError("can only start a process object created by current process: " + name +
                     " was made by another one; make one here");
  }
  if (process::local().daemon)
    throw ValueError(
        "daemonic processes are not allowed to have children: make this one with daemon = false, "
        "and have it ended some other way");
}

process::Child& Process::State::started_child() const {
  if (!child)
    throw ValueError(phase == Phase::current
                         ? "not a child process: this is " + name + " itself"
                         : "process not started: call start() of " + name + " first");
  return *child;
}

process::Child& Process::State::own_child(const char* if_foreign, const char* if_fresh) const {
  if (creator != shm::self() || phase == Phase::current) {
    throw ValueError(std::string(if_foreign) + ": " + name + " is none of this one's, pid " +
                     std::to_string(shm::pid_of(shm::self())) + "; ask where it was made");
  }
  if (!child) throw ValueError(std::string(if_fresh) + ": call start() of " + name + " first");
  return *child;
}

}  // namespace multiprocessing
