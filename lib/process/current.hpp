#pragma once

// Which process this is, for those who ask by name.

#include <string>

namespace multiprocessing {
class Process;
}  // namespace multiprocessing

namespace multiprocessing::process {

/// In a new child: its name, which ps and the process table show too.
void set_current_title(const std::string& text);

/// The name of this process, "MainProcess" in the main one.
[[nodiscard]] std::string current_title();

/// A new name for this process. What ps shows of a main process stays its program's affair.
void change_current_title(const std::string& text);

/// current_process() is that object from now on.
void make_current(Process& object) noexcept;

/// To be called wherever a Process object moves (`to`), or is destroyed (nullptr).
void current_moved(const Process& from, Process* to) noexcept;

}  // namespace multiprocessing::process
