#pragma once

/// \file sys/cpu_quota.hpp
/// How many processors this process may use: those of its affinity, or fewer if its control group
/// has a quota.

#include <string>

namespace multiprocessing::sys {

/// At least 1. Asked anew at each call.
[[nodiscard]] int cpu_budget();

/// The same on any tree: `cgroup_root` stands for /sys/fs/cgroup, `membership` for the text of
/// /proc/self/cgroup, `affinity` for the processors that may be used. Quotas (versions 1 and 2) of
/// the group and all its ancestors count, rounded up; what cannot be read sets none.
[[nodiscard]] int cpu_budget(const std::string& cgroup_root, const std::string& membership,
                             int affinity);

}  // namespace multiprocessing::sys
