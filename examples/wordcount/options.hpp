#pragma once

// The command line.

#include <optional>

#include "run.hpp"

struct Options {
  Paths paths;
  int consumers;
  std::size_t top;
  bool quiet;
};

/// Prints the help or what is wrong, and returns nothing, if the program is not to go on;
/// `exit_code` is what it should end with then.
std::optional<Options> parse(int argc, char** argv, int& exit_code);
