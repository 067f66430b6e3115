#include "sys/oom.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "sys/cgroup.hpp"

namespace multiprocessing::sys {
namespace {

constexpr std::string_view kKey = "oom_kill ";

// The number in the line "oom_kill 3"; nothing if there is no such line.
std::optional<std::uint64_t> count_in(std::string_view text) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (!line.starts_with(kKey)) continue;
    std::uint64_t count = 0;
    const char* const first = line.data() + kKey.size();
    if (std::from_chars(first, line.data() + line.size(), count).ec == std::errc()) return count;
  }
  return std::nullopt;
}

}  // namespace

std::uint64_t oom_kills(const std::string& cgroup_root, std::string_view membership) {
  std::optional<std::uint64_t> count;  // of the nearest group that has one
  for_each_cgroup(cgroup_root, membership, "memory", [&](const std::string& group, bool version_2) {
    if (count) return;
    count = count_in(file_text(group + (version_2 ? "/memory.events" : "/memory.oom_control")));
  });
  return count.value_or(0);
}

std::uint64_t oom_kills() {
  return oom_kills(kCgroupRoot, cgroup_membership());
}

}  // namespace multiprocessing::sys
