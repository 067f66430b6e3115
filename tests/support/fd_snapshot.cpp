#include "support/fd_snapshot.hpp"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <ostream>
#include <sstream>
#include <system_error>

namespace multiprocessing::test {
namespace {

namespace fs = std::filesystem;

void add_descriptors(std::set<std::string>& found) {
  for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
    std::error_code gone;  // the iterator's own descriptor is listed too
    const auto target = fs::read_symlink(entry.path(), gone);
    if (gone || (target.filename() == "fd" && target.string().starts_with("/proc/"))) continue;
    found.insert("fd " + entry.path().filename().string() + " -> " + target.string());
  }
}

void add_names(std::set<std::string>& found) {
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator("/dev/shm", missing)) {
    found.insert("name " + entry.path().string());
  }
}

// The fourth field of /proc/<pid>/stat; the second, the command, may hold anything but its last
// closing bracket.
std::string parent_of(const fs::path& process) {
  std::ifstream file(process / "stat");
  std::string text;
  std::getline(file, text, '\0');  // a process that ends meanwhile sets a bit, and throws nothing
  const auto bracket = text.rfind(')');
  if (bracket == std::string::npos) return {};
  std::istringstream rest(text.substr(bracket + 1));
  std::string state;
  std::string parent;
  rest >> state >> parent;
  return parent;
}

void add_children(std::set<std::string>& found) {
  const auto self = std::to_string(::getpid());
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const auto pid = entry.path().filename().string();
    const bool is_process = std::ranges::all_of(
        pid, [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; });
    if (is_process && parent_of(entry.path()) == self) found.insert("child " + pid);
  }
}

}  // namespace

FdSnapshot::FdSnapshot(Names names) {
  add_descriptors(found_);
  if (names == Names::compare) add_names(found_);
  add_children(found_);
}

std::ostream& operator<<(std::ostream& out, const FdSnapshot& snapshot) {
  for (const auto& line : snapshot.found_) out << "\n  " << line;
  return out;
}

}  // namespace multiprocessing::test
