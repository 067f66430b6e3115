#include "wire/names.hpp"

#include <cxxabi.h>

#include <cstdlib>
#include <memory>

#include <multiprocessing/detail/schema.hpp>

namespace multiprocessing::wire {

namespace {

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
}

/// Where the template argument list or name that begins at `at` ends: at its ',' or '>'.
std::size_t end_of_argument(std::string_view text, std::size_t at) {
  for (int depth = 0; at < text.size(); ++at) {
    if (text[at] == '<') ++depth;
    if (text[at] == '>' && depth-- == 0) return at;
    if (text[at] == ',' && depth == 0) return at;
  }
  return at;
}

void erase_argument(std::string& text, std::string_view beginning) {
  for (std::size_t at = 0; (at = text.find(beginning, at)) != std::string::npos;) {
    text.erase(at, end_of_argument(text, at + 2) - at);
  }
}

}  // namespace

std::string demangle(const char* mangled) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> name{
      abi::__cxa_demangle(mangled, nullptr, nullptr, &status), &std::free};
  return status == 0 ? name.get() : mangled;
}

std::string without_noise(std::string name) {
  replace_all(name, "std::__cxx11::", "std::");
  replace_all(name, "std::chrono::_V2::", "std::chrono::");
  for (const auto* defaulted : {", std::allocator<", ", std::char_traits<", ", std::less<",
                                ", std::hash<", ", std::equal_to<", ", std::default_delete<"}) {
    erase_argument(name, defaulted);
  }
  replace_all(name, " >", ">");
  replace_all(name, "std::basic_string<char>", "std::string");
  replace_all(name, "std::basic_string_view<char>", "std::string_view");
  return name;
}

std::string_view without_our_namespace(std::string_view name) {
  constexpr std::string_view kOurs = "multiprocessing::";
  if (name.starts_with(kOurs)) name.remove_prefix(kOurs.size());
  return name;
}

}  // namespace multiprocessing::wire

namespace multiprocessing::detail {

std::string readable_name(const std::type_info& type) {
  return wire::without_noise(wire::demangle(type.name()));
}

}  // namespace multiprocessing::detail
