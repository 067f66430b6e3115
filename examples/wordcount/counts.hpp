#pragma once

// What is counted, and how: files, lines (newline characters), words (runs of the letters A to Z
// and a to z), and how often each word occurs.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <vector>

struct Totals {
  std::uint64_t files = 0;
  std::uint64_t unreadable = 0;
  std::uint64_t lines = 0;
  std::uint64_t words = 0;

  friend bool operator==(const Totals&, const Totals&) = default;
};

// Looked up by string_view, so that only a word's first occurrence is copied.
struct WordHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view word) const noexcept {
    return std::hash<std::string_view>{}(word);
  }
};
using Words = std::unordered_map<std::string, std::uint64_t, WordHash, std::equal_to<>>;

class Counter {
 public:
  // Counts one file. An error leaves it counted as unreadable, and all else as it was.
  std::error_code add_file(const std::string& path);
  void add_text(std::string_view text);
  void add_unreadable() { ++totals_.unreadable; }

  [[nodiscard]] const Totals& totals() const { return totals_; }
  [[nodiscard]] const Words& words() const { return words_; }

 private:
  Totals totals_;
  Words words_{1U << 16U};
  std::vector<char> buffer_;  // for one file after the other
};
