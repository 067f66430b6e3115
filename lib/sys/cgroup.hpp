#pragma once

/// \file sys/cgroup.hpp
/// The control groups that a process is in, versions 1 and 2. Internal to this folder.

#include <functional>
#include <string>
#include <string_view>

namespace multiprocessing::sys {

/// What the small file holds; empty if it cannot be read.
[[nodiscard]] std::string file_text(const std::string& path);

/// Where this system's groups are, and the text that says which of them this process is in.
inline constexpr const char* kCgroupRoot = "/sys/fs/cgroup";
[[nodiscard]] std::string cgroup_membership();

/// Calls `look` with the directory of each group that counts for `controller` ("cpu", "memory"):
/// the process's own and all its ancestors, of version 2 and of the controller's own hierarchy. In
/// a container whose own group is mounted as the root, the longer paths do not exist and the root
/// is the one that counts.
void for_each_cgroup(const std::string& root, std::string_view membership,
                     std::string_view controller,
                     const std::function<void(const std::string& directory, bool version_2)>& look);

}  // namespace multiprocessing::sys
