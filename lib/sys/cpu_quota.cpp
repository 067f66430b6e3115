#include "sys/cpu_quota.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstdint>
#include <string_view>

#include "sys/calls.hpp"
#include "sys/io.hpp"

namespace multiprocessing::sys {
namespace {

std::string text_of(const std::string& path) {
  std::array<char, 4096> text;
  const ssize_t length = read_text(path.c_str(), text.data(), text.size());
  return length > 0 ? std::string(text.data(), static_cast<std::size_t>(length)) : std::string();
}

// Takes a number off the front of `text`; 0 for anything else ("max", -1, nothing).
std::int64_t take_number(std::string_view& text) {
  std::int64_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  text.remove_prefix(static_cast<std::size_t>(parsed.ptr - text.data()));
  text.remove_prefix(std::min(text.find_first_not_of(" \n"), text.size()));
  return parsed.ec == std::errc() ? number : 0;
}

// Processors that `quota` of each `period` amounts to, rounded up.
int fewer(std::int64_t quota, std::int64_t period, int least) {
  if (quota <= 0 || period <= 0) return least;
  const std::int64_t cpus = quota / period + (quota % period != 0 ? 1 : 0);
  return static_cast<int>(std::min<std::int64_t>(cpus, least));
}

int quota_of(const std::string& group, bool version_2, int least) {
  if (version_2) {
    const std::string text = text_of(group + "/cpu.max");  // "quota period" or "max period"
    std::string_view rest = text;
    const std::int64_t quota = take_number(rest);
    return fewer(quota, take_number(rest), least);
  }
  const std::string quota = text_of(group + "/cpu.cfs_quota_us");
  const std::string period = text_of(group + "/cpu.cfs_period_us");
  std::string_view quota_text = quota;
  std::string_view period_text = period;
  return fewer(take_number(quota_text), take_number(period_text), least);
}

// The least on the way from `group` up to the root of its hierarchy. In a container whose own group
// is mounted as the root, the longer paths do not exist and the root's file is the one that counts.
int least_quota(const std::string& hierarchy, std::string group, bool version_2, int least) {
  if (group.starts_with("/..")) group.clear();  // outside the cgroup namespace
  while (true) {
    if (!group.empty() && group.back() == '/') group.pop_back();
    least = quota_of(hierarchy + group, version_2, least);
    if (group.empty()) return least;
    group.erase(std::min(group.find_last_of('/'), group.size()));
  }
}

bool names_cpu(std::string_view controllers) {
  while (!controllers.empty()) {
    const std::size_t comma = std::min(controllers.find(','), controllers.size());
    if (controllers.substr(0, comma) == "cpu") return true;
    controllers.remove_prefix(std::min(comma + 1, controllers.size()));
  }
  return false;
}

// One line is "hierarchy:controllers:/path"; version 2 is "0::/path".
int quota_of_line(const std::string& root, std::string_view line, int least) {
  const std::size_t first = line.find(':');
  const std::size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
  if (second == std::string_view::npos) return least;
  const std::string_view controllers = line.substr(first + 1, second - first - 1);
  const std::string group(line.substr(second + 1));
  if (controllers.empty()) return least_quota(root, group, true, least);
  if (!names_cpu(controllers)) return least;
  // Mounted under the controllers' names together ("cpu,cpuacct"), often with a link to each.
  least = least_quota(root + "/cpu", group, false, least);
  return least_quota(root + "/" + std::string(controllers), group, false, least);
}

int affinity_cpus() {
  std::array<unsigned long, 8192 / (8 * sizeof(unsigned long))> mask{};
  if (calls().sched_getaffinity(sizeof(mask), mask.data()) != 0) return 1;
  int cpus = 0;
  for (const unsigned long word : mask) cpus += std::popcount(word);
  return cpus;
}

}  // namespace

int cpu_budget(const std::string& cgroup_root, const std::string& membership, int affinity) {
  int least = std::max(affinity, 1);
  std::string_view rest = membership;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    least = quota_of_line(cgroup_root, rest.substr(0, end), least);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return least;
}

int cpu_budget() {
  return cpu_budget("/sys/fs/cgroup", text_of("/proc/self/cgroup"), affinity_cpus());
}

}  // namespace multiprocessing::sys
