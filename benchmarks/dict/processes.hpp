#pragma once

// Processes that do the same at the same time, each on a processor of its own.

#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <vector>

#include <support/forked.hpp>

namespace benchmark_support {

/// What the processes of one measurement tell each other.
struct Board {
  std::atomic<int> ready{0};
  std::atomic<bool> failed{false};
  std::atomic<double> rates[8]{};  // NOLINT(modernize-avoid-c-arrays): in shared memory
};

inline Board& fresh_board() {
  static Board* const memory = shared<Board>();
  return *new (memory) Board;
}

/// Runs it in a child, for what a parent must not have when it forks.
template <class Body>
void in_a_child(const Body& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    body();
    ::_exit(0);
  }
  int status = 0;
  if (::waitpid(child, &status, 0) != child || status != 0) std::exit(1);
}

/// Millions of operations a second of all processes together. Each opens a session and uses it once
/// before the time begins.
template <class Store, class Operation>
double rate(int processes, int operations, const Store& store, const Operation& operation) {
  Board& board = fresh_board();
  std::vector<pid_t> pids;
  for (int p = 0; p < processes; ++p) {
    pids.push_back(::fork());
    if (pids.back() != 0) continue;
    tie_to(p);
    {
      const auto& session = store.open();
      operation(session, p);
      ++board.ready;
      while (board.ready < processes && !board.failed) ::sched_yield();
      const auto begin = std::chrono::steady_clock::now();
      for (int i = 0; i < operations; ++i) operation(session, i + p * 4999);
      const std::chrono::duration<double, std::micro> took =
          std::chrono::steady_clock::now() - begin;
      board.rates[p] = operations / took.count();
    }
    ::_exit(0);
  }
  for (const pid_t pid : pids) {
    int status = 0;
    if (::waitpid(pid, &status, 0) != pid || status != 0) board.failed = true;
  }
  if (board.failed) {
    std::fprintf(stderr, "a measuring process has failed\n");
    std::exit(1);
  }
  double sum = 0;
  for (int p = 0; p < processes; ++p) sum += board.rates[p];
  return sum;
}

}  // namespace benchmark_support
