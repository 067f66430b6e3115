#pragma once

// Descriptor 2, for the length of a scope, as a file or as a terminal whose screen can be read.

#include <string>
#include <vector>

#include "sys/fd.hpp"

namespace multiprocessing::test {

/// Sends what is written to stderr into a file.
class StderrToFile {
 public:
  StderrToFile();
  StderrToFile(const StderrToFile&) = delete;
  StderrToFile& operator=(const StderrToFile&) = delete;
  ~StderrToFile();

  /// What has been written so far, line by line.
  [[nodiscard]] std::vector<std::string> lines() const;

 private:
  int file_;
  int saved_;
};

/// Sends stderr to a pseudo-terminal.
class StderrToTerminal {
 public:
  explicit StderrToTerminal(int columns = 60, int rows = 20);
  StderrToTerminal(const StderrToTerminal&) = delete;
  StderrToTerminal& operator=(const StderrToTerminal&) = delete;
  ~StderrToTerminal();

  void resize(int columns, int rows) const;

  /// From now on writing to stderr fails.
  void hang_up() { master_.reset(); }

  /// The bytes that have come since the last call. At most some thousand may wait for it.
  std::string bytes();

  /// The screen as it looks after all bytes that have come, without empty lines at its end.
  std::vector<std::string> screen();

  [[nodiscard]] int slave() const { return slave_; }

 private:
  void show(const std::string& bytes);
  void escape(char command, int number);
  void print(const std::string& character);

  sys::UniqueFd master_;
  int slave_;
  int saved_;
  std::vector<std::vector<std::string>> cells_{1};  // of each line, one character each
  std::size_t line_ = 0;
  std::size_t column_ = 0;
};

}  // namespace multiprocessing::test
