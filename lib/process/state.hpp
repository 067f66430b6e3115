#pragma once

// What is behind a Process object.

#include <memory>
#include <string>

#include <multiprocessing/process.hpp>

#include "process/child.hpp"
#include "shm/name.hpp"

namespace multiprocessing {

struct Process::State {
  enum class Phase { fresh, started, current, closed };

  Phase phase = Phase::fresh;
  bool daemon = false;
  std::string name;
  std::string path;        // "1:2": for the names of the child's own children
  shm::Name creator;       // only this process may start and join it
  ProcessOptions options;  // these two are let go of once started
  std::unique_ptr<detail::Target> target;
  std::shared_ptr<process::Child> child;

  /// \throws ValueError saying why the child cannot be started now.
  void check_start() const;

  /// \throws ValueError before `start()`.
  [[nodiscard]] process::Child& started_child() const;

  /// \throws ValueError with one of the texts in another process, or before `start()`.
  [[nodiscard]] process::Child& own_child(const char* if_foreign, const char* if_fresh) const;
};

}  // namespace multiprocessing
