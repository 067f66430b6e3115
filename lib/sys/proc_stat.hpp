#pragma once

/// \file sys/proc_stat.hpp
/// The text of /proc/PID/stat, by field. Internal to this folder. Async-signal-safe.

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace multiprocessing::sys {

class ProcStat {
 public:
  // Numbered as in proc(5).
  enum Field : unsigned {
    state = 3,
    threads = 20,
    started = 22,
    start_code = 26,
    end_code = 27,
    start_stack = 28,
    start_data = 45,
    end_data = 46,
    start_brk = 47,
    arg_start = 48,
    arg_end = 49,
    env_start = 50,
    env_end = 51
  };

  /// Reads the file of `pid`; 0 is the caller. False with `errno` (ENOENT or ESRCH if there is no
  /// such process, EIO if the text makes no sense).
  [[nodiscard]] bool read(pid_t pid) noexcept;

  /// Takes `text` instead of a file. False if it makes no sense.
  [[nodiscard]] bool parse(std::string_view text) noexcept;

  /// The field's number; 0 if there is none.
  [[nodiscard]] std::uint64_t number(Field field) const noexcept;

  /// The field's first letter; 0 if there is none.
  [[nodiscard]] char letter(Field field) const noexcept;

 private:
  [[nodiscard]] std::string_view find(Field field) const noexcept;

  std::array<char, 2048> text_;  // 52 numbers of at most 20 digits, and a name of at most 64
  std::string_view after_name_;
};

}  // namespace multiprocessing::sys
