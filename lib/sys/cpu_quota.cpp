#include "sys/cpu_quota.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstdint>
#include <string_view>

#include "sys/calls.hpp"
#include "sys/cgroup.hpp"

namespace multiprocessing::sys {
namespace {

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
    const std::string text = file_text(group + "/cpu.max");  // "quota period" or "max period"
    std::string_view rest = text;
    const std::int64_t quota = take_number(rest);
    return fewer(quota, take_number(rest), least);
  }
  const std::string quota = file_text(group + "/cpu.cfs_quota_us");
  const std::string period = file_text(group + "/cpu.cfs_period_us");
  std::string_view quota_text = quota;
  std::string_view period_text = period;
  return fewer(take_number(quota_text), take_number(period_text), least);
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
  for_each_cgroup(cgroup_root, membership, "cpu", [&](const std::string& group, bool version_2) {
    least = quota_of(group, version_2, least);
  });
  return least;
}

int cpu_budget() {
  return cpu_budget(kCgroupRoot, cgroup_membership(), affinity_cpus());
}

}  // namespace multiprocessing::sys
