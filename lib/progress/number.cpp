#include <array>
#include <charconv>
#include <cstdint>
#include <string>

#include <multiprocessing/detail/tqdm_bar.hpp>

namespace multiprocessing::detail {
namespace {

template <class Number>
std::string written(Number value) {
  std::array<char, 64> text{};
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr};
}

template <class Number>
std::string shorter(Number value) {
  std::array<char, 64> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), static_cast<double>(value),
                                 std::chars_format::general, 3);
  std::string digits(text.data(), end.ptr);
  const auto exponent = digits.find('e');  // "e+06" is "e+6"
  if (exponent != std::string::npos && digits[exponent + 2] == '0') digits.erase(exponent + 2, 1);
  std::string whole = written(value);
  return digits.size() < whole.size() ? digits : whole;
}

}  // namespace

std::string short_number(double value) {
  return shorter(value);
}
std::string short_number(std::int64_t value) {
  return shorter(value);
}
std::string short_number(std::uint64_t value) {
  return shorter(value);
}

}  // namespace multiprocessing::detail
