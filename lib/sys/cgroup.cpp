#include "sys/cgroup.hpp"

#include <algorithm>
#include <array>

#include "sys/io.hpp"

namespace multiprocessing::sys {
namespace {

using Look = std::function<void(const std::string&, bool)>;

// Takes off the front what stands before the next `separator`, and that.
std::string_view take_part(std::string_view& text, char separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

bool names(std::string_view controllers, std::string_view wanted) {
  while (!controllers.empty()) {
    if (take_part(controllers, ',') == wanted) return true;
  }
  return false;
}

void climb(const std::string& hierarchy, std::string group, bool version_2, const Look& look) {
  if (group.starts_with("/..")) group.clear();  // outside the cgroup namespace
  while (true) {
    if (!group.empty() && group.back() == '/') group.pop_back();
    look(hierarchy + group, version_2);
    if (group.empty()) return;
    group.erase(std::min(group.find_last_of('/'), group.size()));
  }
}

}  // namespace

std::string file_text(const std::string& path) {
  std::array<char, 4096> text;
  const ssize_t length = read_text(path.c_str(), text.data(), text.size());
  return length > 0 ? std::string(text.data(), static_cast<std::size_t>(length)) : std::string();
}

std::string cgroup_membership() {
  return file_text("/proc/self/cgroup");
}

void for_each_cgroup(const std::string& root, std::string_view membership,
                     std::string_view controller, const Look& look) {
  while (!membership.empty()) {
    // "hierarchy:controllers:/path"; version 2 is "0::/path".
    std::string_view line = take_part(membership, '\n');
    if (std::count(line.begin(), line.end(), ':') < 2) continue;
    (void)take_part(line, ':');
    const std::string_view controllers = take_part(line, ':');
    if (controllers.empty()) {
      climb(root, std::string(line), true, look);
    } else if (names(controllers, controller)) {
      // Mounted under the controllers' names together ("cpu,cpuacct"), often with a link to each.
      climb(root + "/" + std::string(controller), std::string(line), false, look);
      if (controllers == controller) continue;
      climb(root + "/" + std::string(controllers), std::string(line), false, look);
    }
  }
}

}  // namespace multiprocessing::sys
