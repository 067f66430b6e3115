// Views of other processes: ChildProcess, ParentProcess, and the functions that give them.

#include <multiprocessing/detail/process_handles.hpp>

#include <csignal>
#include <utility>

#include <multiprocessing/errors.hpp>

#include "process/children.hpp"
#include "process/interrupt.hpp"
#include "process/local.hpp"
#include "shm/process_table.hpp"
#include "sys/interrupt.hpp"

namespace multiprocessing {
namespace {

// In a forked child the records of its parent's children are of no use, and their locks unsafe.
process::Child& own(const std::shared_ptr<process::Child>& child, const char* otherwise) {
  if (child->owner() != shm::self()) throw ValueError(otherwise);
  return *child;
}

}  // namespace

ChildProcess::ChildProcess(std::shared_ptr<process::Child> child) noexcept
    : child_(std::move(child)) {}

std::string ChildProcess::name() const {
  return own(child_, "can only ask a child process for its name").title();
}

int ChildProcess::pid() const noexcept {
  return child_->pid();
}

std::optional<int> ChildProcess::exitcode() const {
  return own(child_, "can only test a child process").poll_exit();
}

bool ChildProcess::is_alive() const {
  return !exitcode().has_value();
}

bool ChildProcess::join(Timeout timeout) const {
  return own(child_, "can only join a child process").wait(timeout.deadline());
}

int ChildProcess::sentinel() const noexcept {
  return child_->pidfd();
}
void ChildProcess::terminate() const {
  child_->end_with(SIGTERM);
}
void ChildProcess::kill() const {
  child_->end_with(SIGKILL);
}
void ChildProcess::send_signal(int signal) const {
  child_->send_signal(signal);
}

bool ParentProcess::is_alive() const {
  if (sentinel_ < 0) return !shm::is_dead(shm::unpack_name(member_));
  return sys::wait_readable(sentinel_, 0) != sys::Ready::yes;
}

bool ParentProcess::join(Timeout timeout) const {
  const sys::Nanoseconds deadline = timeout.deadline();
  for (;;) {
    switch (sys::wait_readable_interruptibly(sentinel(), deadline)) {
      case sys::Ready::yes:
        return true;
      case sys::Ready::timed_out:
        return false;
      case sys::Ready::interrupted:
        process::interrupted();
        break;
    }
  }
}

int ParentProcess::sentinel() const {
  if (sentinel_ < 0) {
    throw ValueError(
        "this process was started without a sentinel of its parent, and cannot wait for it as a "
        "descriptor: join() and is_alive() tell");
  }
  return sentinel_;
}

std::vector<ChildProcess> active_children() {
  std::vector<ChildProcess> children;
  for (auto& child : process::living_children()) children.emplace_back(std::move(child));
  return children;
}

std::optional<ParentProcess> parent_process() {
  const process::Local& mine = process::local();
  if (mine.parent.name.nobody()) return std::nullopt;
  return ParentProcess(mine.parent.title, mine.parent.pid, mine.parent_sentinel.get(),
                       shm::pack_name(mine.parent.name));
}

}  // namespace multiprocessing
