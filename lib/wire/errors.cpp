#include <cstring>
#include <string>
#include <utility>

#include <multiprocessing/errors.hpp>

#include "wire/memory_death.hpp"

namespace multiprocessing {

namespace {

std::string signal_name(int signum) {
  const char* name = sigabbrev_np(signum);
  return name != nullptr ? "SIG" + std::string(name) : "signal " + std::to_string(signum);
}

constexpr const char* kForMemory =
    ", probably for want of memory: its control group counts an out-of-memory kill";

std::string obituary(int pid, std::optional<int> signal, std::optional<int> exit_code,
                     const std::string& task_name, const char* cause = "") {
  std::string text = "the worker (pid " + std::to_string(pid) + ")";
  if (!task_name.empty()) text += " that ran " + task_name;
  if (signal) {
    text += " was killed by " + signal_name(*signal);
  } else if (exit_code) {
    text += " exited with code " + std::to_string(*exit_code);
  } else {
    text += " died";
  }
  return text + cause + "; only this task is lost (retries or Retry try such a task again)";
}

}  // namespace

BufferTooShort::BufferTooShort(std::vector<std::byte> message)
    : ProcessError("a message of " + std::to_string(message.size()) +
                   " bytes does not fit the buffer"),
      message_(std::make_shared<const std::vector<std::byte>>(std::move(message))) {}

BufferTooShort::BufferTooShort(const std::string& what, std::vector<std::byte> message)
    : ProcessError(what),
      message_(std::make_shared<const std::vector<std::byte>>(std::move(message))) {}

LockOwnerDied::LockOwnerDied(int pid)
    : LockOwnerDied(
          pid, "the process that held the lock (pid " + std::to_string(pid) +
                   ") ended without releasing it; the lock is usable from now on: check what it "
                   "guards, or choose Recovery::silent or Recovery::hold") {}

RemoteError::RemoteError(std::string type_name, const std::string& what,
                         std::string remote_traceback)
    : Error(what),
      texts_(
          std::make_shared<const Texts>(Texts{std::move(type_name), std::move(remote_traceback)})) {
}

WorkerDied::WorkerDied(int pid, std::optional<int> signal, std::optional<int> exit_code,
                       const std::string& task_name)
    : Error(obituary(pid, signal, exit_code, task_name)),
      pid_(pid),
      signal_(signal),
      exit_code_(exit_code),
      task_name_(std::make_shared<const std::string>(task_name)) {}

wire::MemoryDeath::MemoryDeath(const WorkerDied& death)
    : WorkerDied(death),
      text_(std::make_shared<const std::string>(obituary(
          death.pid(), death.signal(), death.exit_code(), death.task_name(), kForMemory))) {}

const char* wire::MemoryDeath::what() const noexcept {
  return text_->c_str();
}

KeyboardInterrupt::KeyboardInterrupt(int signum)
    : KeyboardInterrupt(signum, "interrupted by " + signal_name(signum)) {}

}  // namespace multiprocessing
