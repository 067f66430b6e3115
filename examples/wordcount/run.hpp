#pragma once

// One count of everything: in this process, or by a family of processes.

#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <vector>

#include "counts.hpp"

using Paths = std::vector<std::filesystem::path>;

struct Result {
  Totals totals;
  Words words;
  std::chrono::duration<double> took{};
};

/// A process that did not do its part. `what()` names it.
class LostProcess : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Without any other process. Says on stderr what cannot be read.
/// \throws BadPath
Result count_alone(const Paths& paths, bool quiet);

/// One process walks and puts what it finds into a queue; `consumers` processes count.
/// \throws LostProcess
Result count_together(const Paths& paths, int consumers, bool quiet);
