#include "sys/budget.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include "sys/io.hpp"

namespace multiprocessing::sys {
namespace {

std::string text_of(const std::string& path) {
  std::array<char, 4096> text;
  const ssize_t length = read_text(path.c_str(), text.data(), text.size());
  return length > 0 ? std::string(text.data(), static_cast<std::size_t>(length)) : std::string();
}

// The number in the file; `otherwise` if there is none ("max", no file, no digits).
std::uint64_t limit_in(const std::string& path, std::uint64_t otherwise) {
  const std::string text = text_of(path);
  std::uint64_t limit = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), limit);
  return parsed.ec == std::errc() ? limit : otherwise;
}

// The least limit on the way from `group` up to `hierarchy`. In a container whose own group is
// mounted as the root, the longer paths do not exist and the root's file is the one that counts.
std::uint64_t least_limit(const std::string& hierarchy, std::string group, const char* file,
                          std::uint64_t least) {
  if (group.starts_with("/..")) group.clear();  // outside the cgroup namespace
  while (true) {
    if (!group.empty() && group.back() == '/') group.pop_back();
    least = std::min(least, limit_in(hierarchy + group + file, least));
    if (group.empty()) return least;
    group.erase(group.find_last_of('/') == std::string::npos ? 0 : group.find_last_of('/'));
  }
}

// Whether "memory" is one of the comma-separated controllers.
bool names_memory(std::string_view controllers) {
  while (!controllers.empty()) {
    const std::size_t comma = std::min(controllers.find(','), controllers.size());
    if (controllers.substr(0, comma) == "memory") return true;
    controllers.remove_prefix(std::min(comma + 1, controllers.size()));
  }
  return false;
}

// One line is "hierarchy:controllers:/path"; version 2 is "0::/path".
std::uint64_t limit_of_line(const std::string& root, std::string_view line, std::uint64_t least) {
  const std::size_t first = line.find(':');
  const std::size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
  if (second == std::string_view::npos) return least;
  const std::string_view controllers = line.substr(first + 1, second - first - 1);
  const std::string group(line.substr(second + 1));
  if (controllers.empty()) return least_limit(root, group, "/memory.max", least);
  if (!names_memory(controllers)) return least;
  return least_limit(root + "/memory", group, "/memory.limit_in_bytes", least);
}

}  // namespace

std::uint64_t memory_budget(const std::string& cgroup_root, const std::string& membership,
                            std::uint64_t physical) {
  std::uint64_t least = physical;
  std::string_view rest = membership;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    least = limit_of_line(cgroup_root, rest.substr(0, end), least);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return least;
}

std::uint64_t memory_budget() {
  const auto physical = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                        static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return memory_budget("/sys/fs/cgroup", text_of("/proc/self/cgroup"), physical);
}

}  // namespace multiprocessing::sys
