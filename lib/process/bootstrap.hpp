#pragma once

// The first and the last things that every child does, whatever start method made it.

#include <signal.h>  // NOLINT(modernize-deprecated-headers): sigset_t is POSIX
#include <sys/types.h>

#include <functional>
#include <string>

#include <multiprocessing/detail/process_options.hpp>

#include "process/local.hpp"

namespace multiprocessing::process {

/// What a new process must be told.
struct Birth {
  std::string title;
  std::string path;
  Parent parent;
  int parent_sentinel = -1;  // a read end that hangs up when the parent ends
  bool dies_with_parent = false;
  bool ignore_sigint = false;
  bool daemon = false;
  bool listed_worker = false;
  sigset_t signal_mask{};  // of the thread that started it
  const ProcessOptions* settings = nullptr;
};

/// Makes the calling process, which has just taken on its slot, the one that `birth` describes,
/// runs `body` in it and ends it by exit() with the code that `body` returns.
[[noreturn]] void bootstrap(const Birth& birth, const std::function<int()>& body) noexcept;

}  // namespace multiprocessing::process
