#pragma once

// The children that this process keeps: reaped when they have ended, seen to at exit.
//
//   sharing   private to a process; a forked child begins with none
//   threads   every function may be called concurrently
//   death     the children of a killed process are its orphans: daemonic ones end by the life pipe

#include <memory>
#include <vector>

#include "process/child.hpp"

namespace multiprocessing::process {

class Children {
 public:
  using List = std::vector<std::shared_ptr<Child>>;

  /// Keeps a child until it has been seen to end, and registers `end_all` for the exit of the
  /// program with the first one.
  static void keep(std::shared_ptr<Child> child);

  /// Called by a child that was seen to end.
  static void forget(Child& child) noexcept;

  [[nodiscard]] static List all();

  /// Reaps those that have ended. One system call if none has.
  static void reap_finished();

  /// Called first thing by `end_all`: what must be over before children are terminated.
  static void set_before_end(void (*step)() noexcept) noexcept;

  /// At exit: terminates daemonic children, joins the others, and kills daemonic ones that have not
  /// ended within the grace period.
  static void end_all() noexcept;
};

/// Those, and the workers of this process's pools and executors, alive.
[[nodiscard]] Children::List living_children();

}  // namespace multiprocessing::process
