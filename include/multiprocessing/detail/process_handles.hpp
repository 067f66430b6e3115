#pragma once

/// \file multiprocessing/detail/process_handles.hpp
/// Views of other processes: a child, the parent.
///
///   sharing   copies are views of the same process; they belong to the process that got them
///   threads   every member may be called concurrently
///   ordering  what the other process wrote before it ended is visible after a `join()` that
///             returned true
///   death     that of the other process is what they tell

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <multiprocessing/detail/export.hpp>
#include <multiprocessing/detail/timeout.hpp>

namespace multiprocessing::process {
class Child;  // lib/process/child.hpp
}  // namespace multiprocessing::process

namespace multiprocessing {

/// A child of this process: started by a Process, or a worker of a pool or executor.
class MULTIPROCESSING_API ChildProcess {
 public:
  explicit ChildProcess(std::shared_ptr<process::Child> child) noexcept;

  [[nodiscard]] std::string name() const;
  [[nodiscard]] int pid() const noexcept;

  /// nullopt while it runs; -N: killed by signal N; 1: an exception escaped.
  [[nodiscard]] std::optional<int> exitcode() const;
  [[nodiscard]] bool is_alive() const;

  /// Blocks until it has ended; false if the time-out passed before.
  bool join(Timeout timeout = {}) const;

  /// A file descriptor that becomes readable when it ends. Valid as long as a handle to it.
  [[nodiscard]] int sentinel() const noexcept;

  /// SIGTERM, SIGKILL or any signal; nothing happens if it has ended.
  void terminate() const;
  void kill() const;
  void send_signal(int signal) const;

 private:
  friend struct ChildAccess;

  std::shared_ptr<process::Child> child_;
};

/// The process that started this one.
class MULTIPROCESSING_API ParentProcess {
 public:
  ParentProcess(std::string name, int pid, int sentinel, std::uint64_t member) noexcept
      : name_(std::move(name)), pid_(pid), sentinel_(sentinel), member_(member) {}

  /// As of this process's birth.
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] int pid() const noexcept { return pid_; }
  [[nodiscard]] bool is_alive() const;

  /// Blocks until it has ended; false if the time-out passed before.
  bool join(Timeout timeout = {}) const;

  /// A file descriptor that becomes readable when it ends.
  /// \throws ValueError if this process was started without one.
  [[nodiscard]] int sentinel() const;

 private:
  std::string name_;
  int pid_;
  int sentinel_;
  std::uint64_t member_;
};

/// The living children of this process, started by it or working for it. Reaps finished ones.
[[nodiscard]] MULTIPROCESSING_API std::vector<ChildProcess> active_children();

/// The process that started this one; nullopt in the main process.
[[nodiscard]] MULTIPROCESSING_API std::optional<ParentProcess> parent_process();

}  // namespace multiprocessing
