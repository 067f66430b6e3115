#include "progress/format.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace multiprocessing::progress {
namespace {

// std::to_chars: snprintf would write the decimal comma of the program's locale.
std::string fixed(double value, int digits) {
  std::array<char, 400> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value,
                                 std::chars_format::fixed, digits);
  return {text.data(), end.ptr};
}

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.insert(0, width - text.size(), ' ');
  return text;
}

std::string format_rate(const Frame& frame, std::optional<double> rate) {
  const std::string unit(frame.unit);
  if (!rate || *rate == 0) return "?" + unit + "/s";
  const auto number = [&](double value) {
    return frame.unit_scale ? format_size(value) : padded(fixed(value, 2), 5);
  };
  const double inverse = 1 / *rate;
  return inverse > 1 ? number(inverse) + "s/" + unit : number(*rate) + unit + "/s";
}

std::string format_count(const Frame& frame, std::int64_t count) {
  return frame.unit_scale ? format_size(static_cast<double>(count)) : std::to_string(count);
}

std::string blocks(double fraction, int width, bool ascii) {
  static constexpr std::array<std::string_view, 9> kBlocks = {" ", "▏", "▎", "▍", "▌",
                                                              "▋", "▊", "▉", "█"};
  static constexpr std::array<std::string_view, 11> kDigits = {" ", "1", "2", "3", "4", "5",
                                                               "6", "7", "8", "9", "#"};
  const auto symbol = [&](int i) {
    const auto at = static_cast<std::size_t>(i);
    return ascii ? kDigits[at] : kBlocks[at];
  };
  const int parts = ascii ? 10 : 8;
  const int filled =
      static_cast<int>(std::clamp(fraction, 0.0, 1.0) * static_cast<double>(width) * parts);

  std::string bar;
  for (int i = 0; i < width; ++i) bar += symbol(std::clamp(filled - i * parts, 0, parts));
  return bar;
}

std::string prefix(std::string_view desc) {
  if (desc.empty()) return {};
  return std::string(desc) + (desc.ends_with(": ") ? "" : ": ");
}

struct Glyph {
  std::size_t bytes;
  int width;
};

bool is_wide(char32_t c) {
  struct Span {
    char32_t first, last;
  };
  static constexpr std::array<Span, 12> kWide = {{{0x1100, 0x115F},
                                                  {0x2E80, 0x303E},
                                                  {0x3041, 0x33FF},
                                                  {0x3400, 0x4DBF},
                                                  {0x4E00, 0xA4CF},
                                                  {0xAC00, 0xD7A3},
                                                  {0xF900, 0xFAFF},
                                                  {0xFE30, 0xFE6F},
                                                  {0xFF00, 0xFF60},
                                                  {0xFFE0, 0xFFE6},
                                                  {0x1F300, 0x1FAFF},
                                                  {0x20000, 0x3FFFD}}};
  return std::ranges::any_of(kWide, [c](Span span) { return span.first <= c && c <= span.last; });
}

bool is_combining(char32_t c) {
  return (0x300 <= c && c <= 0x36F) || (0x200B <= c && c <= 0x200D) || c == 0xFE0F;
}

// The escape sequence or UTF-8 character that `text` begins with.
Glyph first_glyph(std::string_view text) {
  if (text.starts_with("\x1b[")) {
    const auto end = text.find_first_not_of("0123456789;", 2);
    return {end == std::string_view::npos ? text.size() : end + 1, 0};
  }
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0xC0) return {1, 1};
  const std::size_t length = 2U + (lead >= 0xE0 ? 1 : 0) + (lead >= 0xF0 ? 1 : 0);
  char32_t c = lead & (0xFFU >> (length + 1));
  std::size_t bytes = 1;
  for (; bytes < length && bytes < text.size(); ++bytes) {
    const auto next = static_cast<unsigned char>(text[bytes]);
    if ((next & 0xC0U) != 0x80U) break;
    c = c << 6U | (next & 0x3FU);
  }
  if (is_combining(c)) return {bytes, 0};
  return {bytes, is_wide(c) ? 2 : 1};
}

}  // namespace

std::string format_interval(double seconds) {
  const auto whole = static_cast<std::int64_t>(std::clamp(seconds, 0.0, 1e15));
  const auto two = [](std::int64_t value) {
    return (value < 10 ? "0" : "") + std::to_string(value);
  };
  const std::string clock = two(whole / 60 % 60) + ":" + two(whole % 60);
  return whole >= 3600 ? std::to_string(whole / 3600) + ":" + clock : clock;
}

std::string format_size(double value) {
  for (const char* unit : {"", "k", "M", "G", "T", "P", "E", "Z"}) {
    const double size = std::abs(value);
    if (size < 9.995) return fixed(value, 2) + unit;
    if (size < 99.95) return fixed(value, 1) + unit;
    if (size < 999.5) return fixed(value, 0) + unit;
    value /= 1000;
  }
  return fixed(value, 1) + "Y";
}

int display_width(std::string_view text) {
  int width = 0;
  while (!text.empty()) {
    const Glyph glyph = first_glyph(text);
    width += glyph.width;
    text.remove_prefix(glyph.bytes);
  }
  return width;
}

std::string trimmed(std::string text, int columns) {
  const std::string_view whole = text;
  std::size_t at = 0;
  for (int width = 0; at < whole.size();) {
    const Glyph glyph = first_glyph(whole.substr(at));
    width += glyph.width;
    if (width > columns) break;
    at += glyph.bytes;
  }
  if (at == text.size()) return text;
  const bool coloured = whole.find('\x1b') != std::string_view::npos;
  text.resize(at);
  return coloured ? text + "\x1b[0m" : text;
}

std::string format_bar(const Frame& frame) {
  std::optional<double> rate = frame.rate;
  if (!rate && frame.elapsed > 0) {
    rate = static_cast<double>(frame.done - frame.initial) / frame.elapsed;
  }
  const auto total = static_cast<std::int64_t>(frame.total.value_or(0));
  const std::string ending = ", " + format_rate(frame, rate) +
                             (frame.postfix.empty() ? "" : ", " + std::string(frame.postfix)) + "]";
  const std::string count = format_count(frame, frame.done);
  const std::string elapsed = format_interval(frame.elapsed);
  const auto fitted = [&](std::string text) {
    return frame.columns.value_or(0) > 0 ? trimmed(std::move(text), *frame.columns) : text;
  };

  if (total <= 0 || frame.done > total) {
    return fitted(prefix(frame.desc) + count + std::string(frame.unit) + " [" + elapsed + ending);
  }
  const double fraction = static_cast<double>(frame.done) / static_cast<double>(total);
  const bool known = rate && *rate != 0;
  const std::string remaining =
      known ? format_interval(static_cast<double>(total - frame.done) / *rate) : "?";
  const std::string left = prefix(frame.desc) + padded(fixed(fraction * 100, 0), 3) + "%";
  const std::string right =
      " " + count + "/" + format_count(frame, total) + " [" + elapsed + "<" + remaining + ending;
  if (frame.columns == 0) return left + right;

  int width = 10;
  if (frame.columns) {
    width = std::max(1, *frame.columns - display_width(left) - display_width(right) - 2);
  }
  return fitted(left + "|" + blocks(fraction, width, frame.ascii) + "|" + right);
}

}  // namespace multiprocessing::progress
