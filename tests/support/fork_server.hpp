#pragma once

// Programs with a fork server of their own: what it does, and what its end leaves, is nobody
// else's.
//
//   test::with_fork_server([](pid_t server) {
//     ::kill(server, SIGKILL);
//     test::require(test::served([] {}) == 0);
//   });

#include <sys/types.h>

#include <functional>
#include <optional>

#include <multiprocessing/process.hpp>

#include "shm/name.hpp"

namespace multiprocessing::test {

/// The fork server of this process; nobody if there is none.
shm::Name fork_server();

/// Its pid; 0 if there is none.
pid_t fork_server_pid();

/// Starts the process, joins it, and returns its exit code.
std::optional<int> code_of(Process& process);

/// The same for a process that the fork server makes for `target`.
template <class F, class... Args>
std::optional<int> served(F target, Args... args) {
  Process process({.method = StartMethod::forkserver}, target, args...);
  return code_of(process);
}

/// Runs `body` in a program of its own, with a server of its own that has started something, and
/// expects it to end well.
void with_fork_server(const std::function<void(pid_t server)>& body);

}  // namespace multiprocessing::test
