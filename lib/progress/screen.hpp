#pragma once

/// \file progress/screen.hpp
/// The lines at the bottom of the terminal that progress bars are drawn on.
///
///   sharing   one per process, on descriptor 2; each change goes out in one write, so processes
///             that draw on lines of their own do not tear each other's
///   threads   every member may be called concurrently
///   death     a process that is killed leaves its lines as they were
///
/// Between two changes the cursor stands in line 0, the topmost.
///
/// Forking. `state_` is only held for moments and never over a system call: a fork waits for it,
/// and the child finds everything it guards whole. `output_` is held while the terminal takes its
/// time, so a fork does not wait for it: it guards no memory, only the order of the writes, and the
/// child begins with a new one. Who takes both takes `output_` first.

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "sys/terminal.hpp"

namespace multiprocessing::progress {

/// One line, in the hands of its bar. Written by Screen only.
struct Line {
  int position = 0;
  unsigned generation = 0;  ///< that of the process that opened it
  std::string text;         ///< as last drawn
  Line* next = nullptr;
  bool listed = false;
};

class Screen {
 public:
  constexpr Screen() noexcept = default;

  /// Enters `line`, at the topmost position that is free unless one is given.
  void open(Line& line, std::optional<int> position);

  /// Draws what `compose` returns for a width of so many columns (0: not known), unless the line
  /// has been taken off meanwhile. `compose` runs with the guard of `locked` held.
  void draw(Line& line, const std::function<std::string(int columns)>& compose);

  /// Takes `line` off the screen. What `compose` returns stays above the remaining lines.
  void leave(Line& line, const std::function<std::string(int columns)>& compose);

  /// Takes `line` off the screen without a trace.
  void erase(Line& line);

  /// Takes `line` off the list and leaves the screen alone.
  void forget(Line& line) noexcept;

  /// How many forks lie between this process and the first of its ancestors that had a screen.
  [[nodiscard]] unsigned generation() const noexcept { return generation_; }

  /// Writes `text` and a newline to stdout, above the lines if that is the same terminal.
  void print(std::string_view text);

  /// Writes `text` and a newline to stderr, where that is not a terminal.
  void append(std::string text);

  /// Guards whatever else a forked child must find whole.
  [[nodiscard]] std::unique_lock<std::mutex> locked() { return std::unique_lock(state_); }

  void before_fork() noexcept;
  void after_fork_in_parent() noexcept;
  void after_fork_in_child() noexcept;

 private:
  [[nodiscard]] static std::string placed(const Line& line, sys::TerminalSize size);
  [[nodiscard]] std::string all_placed(sys::TerminalSize size) const;
  void unlink(Line& line) noexcept;

  std::mutex output_;
  std::mutex state_;
  // Guarded by state_, as are the members of every line.
  Line* first_ = nullptr;
  unsigned generation_ = 0;  // only written while one thread runs, in a forked child
};

/// The screen of this process. Never destroyed, for bars that outlive main.
extern Screen screen;

}  // namespace multiprocessing::progress
