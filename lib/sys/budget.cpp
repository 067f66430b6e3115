#include "sys/budget.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "sys/cgroup.hpp"

namespace multiprocessing::sys {
namespace {

// The number in the file; `otherwise` if there is none ("max", no file, no digits).
std::uint64_t limit_in(const std::string& path, std::uint64_t otherwise) {
  const std::string text = file_text(path);
  std::uint64_t limit = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), limit);
  return parsed.ec == std::errc() ? limit : otherwise;
}

}  // namespace

std::uint64_t memory_budget(const std::string& cgroup_root, const std::string& membership,
                            std::uint64_t physical) {
  std::uint64_t least = physical;
  for_each_cgroup(cgroup_root, membership, "memory", [&](const std::string& group, bool version_2) {
    const char* const file = version_2 ? "/memory.max" : "/memory.limit_in_bytes";
    least = std::min(least, limit_in(group + file, least));
  });
  return least;
}

std::uint64_t memory_budget() {
  const auto physical = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                        static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return memory_budget(kCgroupRoot, cgroup_membership(), physical);
}

}  // namespace multiprocessing::sys
