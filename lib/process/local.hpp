#pragma once

// What a process keeps to itself about who it is: its place in the family, life pipe and children.
//
//   sharing   private to a process. The hooks around fork keep `lock` during every fork, whoever
//             forks, so a child finds the rest consistent; it then begins without children and
//             without a life pipe of its own
//   threads   guarded by `lock`, except what is only written at a process's birth
//   death     the kernel closes the life pipe's write end with its process, which ends those bound
//             to the other end

#include <sys/types.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "process/child.hpp"
#include "shm/name.hpp"
#include "sys/fd.hpp"
#include "sys/pipe.hpp"

namespace multiprocessing::process {

struct Parent {
  shm::Name name;  // nobody: this is the main process
  pid_t pid = 0;
  std::string title;
};

struct Local {
  // Written at birth.
  Parent parent;
  sys::UniqueFd parent_sentinel;  // read end of the parent's life pipe
  sys::UniqueFd binding;          // what sys::die_with returned
  std::string path;               // "1:2": second child of the first child of the main process
  std::atomic<bool> daemon{false};

  std::atomic<int> made{0};  // children that were given a number

  std::mutex lock;  // guards what follows
  sys::Pipe life;
  sys::UniqueFd life_of_parent;  // in a new child: its parent's read end, until its birth is done
  std::vector<std::shared_ptr<Child>> children;
  std::size_t look_again_at = 64;  // so many children: look at each, whether a zombie waits or not
  bool exit_handler = false;
};

/// The process's only instance, never destroyed. The first call installs the hooks around fork.
Local& local();

/// In a child that bootstrap is about to run: the parent's read end was kept. See launch.
class Launching {
 public:
  Launching() noexcept;
  Launching(const Launching&) = delete;
  Launching& operator=(const Launching&) = delete;
  ~Launching();
};

/// The path of a new child: "1:2" for the second child of "1".
std::string next_path();

}  // namespace multiprocessing::process
