#pragma once

/// \file sys/proc_path.hpp
/// Paths in /proc with a number in them, made without allocating. Internal to this folder.

#include <array>
#include <charconv>
#include <cstddef>
#include <string_view>

namespace multiprocessing::sys {

class ProcPath {
 public:
  /// before + number + after; together at most 63 characters.
  ProcPath(std::string_view before, int number, std::string_view after = {}) noexcept {
    char* end = before.copy(text_.data(), before.size()) + text_.data();
    end = std::to_chars(end, text_.data() + text_.size(), number).ptr;
    end += after.copy(end, after.size());
    *end = '\0';
  }

  [[nodiscard]] const char* c_str() const noexcept { return text_.data(); }

 private:
  std::array<char, 64> text_;
};

}  // namespace multiprocessing::sys
