#pragma once

/// \file progress/format.hpp
/// The text of a progress bar, character for character that of Python's tqdm.
///
///   threads   pure functions

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace multiprocessing::progress {

/// All that one drawing of a bar depends on.
struct Frame {
  std::int64_t done = 0;
  std::optional<std::size_t> total{};
  double elapsed = 0;            ///< seconds since the start
  std::optional<double> rate{};  ///< items per second; by default the average since the start
  std::int64_t initial = 0;      ///< part of `done` that does not count towards that average
  std::string_view desc{};
  std::string_view postfix{};
  std::string_view unit = "it";
  bool unit_scale = false;       ///< 1.23M instead of 1234567
  bool ascii = false;            ///< a bar of digits and # instead of blocks
  std::optional<int> columns{};  ///< the width to fill; by default the bar has ten characters
};

/// `" 40%|####      | 4/10 [00:01<00:01,  3.52it/s]"`, or `"4it [00:01,  3.52it/s]"` where no total
/// is known or it has been passed. Not wider than `columns`; 0 columns means no bar, any width.
[[nodiscard]] std::string format_bar(const Frame& frame);

/// `"01:05"`, `"2:00:03"`.
[[nodiscard]] std::string format_interval(double seconds);

/// Three digits and a metric prefix: `"9.99"`, `"1.23M"`.
[[nodiscard]] std::string format_size(double value);

/// Columns that `text` takes in a terminal: wide characters take two, escape sequences none.
[[nodiscard]] int display_width(std::string_view text);

/// The longest beginning of `text` that fits.
[[nodiscard]] std::string trimmed(std::string text, int columns);

}  // namespace multiprocessing::progress
