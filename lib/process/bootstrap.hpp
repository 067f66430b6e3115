#pragma once

// The first and the last things that every child does, whatever start method made it.

#include <signal.h>  // NOLINT(modernize-deprecated-headers): sigset_t is POSIX
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <multiprocessing/detail/process_options.hpp>

#include "process/local.hpp"

namespace multiprocessing::process {

/// What the program does about signals, one bit each (sys/program_signals.hpp).
struct ProgramSignals {
  std::uint64_t ignored = 0;
  std::uint64_t blocked = 0;
};

/// What a new process must be told.
struct Birth {
  std::string title;
  std::string path;
  Parent parent;
  bool has_sentinel = false;
  int parent_sentinel = -1;  // a read end that hangs up when the parent ends
  bool dies_with_parent = false;
  bool ignore_sigint = false;
  bool daemon = false;
  bool listed_worker = false;
  sigset_t signal_mask{};                         // of the thread that started it
  std::optional<ProgramSignals> program_signals;  // of the parent, where there was no fork from it
  bool own_program = false;  // it has executed the program: exit() runs all of its handlers
  std::vector<std::string> environment;  // of the parent, where it is not inherited; empty: it is
  std::string directory;                 // likewise
  const ProcessOptions* settings = nullptr;
  std::function<void()> first{};  // to be done once all of this is
};

/// Notes how this process ends, as the last thing of all.
void record_end(int status);

/// Makes the calling process, which has just taken on its slot, the one that `birth` describes,
/// runs `body` in it and ends it by exit() with the code that `body` returns.
[[noreturn]] void bootstrap(const Birth& birth, const std::function<int()>& body) noexcept;

}  // namespace multiprocessing::process
