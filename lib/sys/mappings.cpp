#include "sys/mappings.hpp"

#include <fcntl.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <string_view>

#include "sys/calls.hpp"
#include "sys/fd.hpp"
#include "sys/io.hpp"
#include "sys/proc_path.hpp"

namespace multiprocessing::sys {
namespace {

struct File {
  std::uint64_t device;
  std::uint64_t inode;
};

std::string_view take_word(std::string_view& line) noexcept {
  const std::size_t begin = std::min(line.find_first_not_of(' '), line.size());
  line.remove_prefix(begin);
  const std::string_view word = line.substr(0, std::min(line.find(' '), line.size()));
  line.remove_prefix(word.size());
  return word;
}

// "7f0000000000-7f0000001000 rw-s 00000000 00:01 1037 /memfd:name": proc_pid_maps(5)
bool names(std::string_view line, File file) noexcept {
  for (int before = 0; before < 3; ++before) (void)take_word(line);
  const std::string_view device = take_word(line);
  const std::string_view inode = take_word(line);
  unsigned major = 0;
  unsigned minor = 0;
  std::uint64_t number = 0;
  const char* const end = device.data() + device.size();
  const char* const colon =
      std::from_chars(device.data(), device.data() + device.size(), major, 16).ptr;
  if (colon == end) return false;
  std::from_chars(colon + 1, end, minor, 16);
  std::from_chars(inode.data(), inode.data() + inode.size(), number);
  return number == file.inode && makedev(major, minor) == file.device;
}

}  // namespace

Mapped maps_file(pid_t pid, std::uint64_t device, std::uint64_t inode) noexcept {
  const ProcPath path("/proc/", pid, "/maps");
  const UniqueFd maps(calls().open(path.c_str(), O_RDONLY | O_CLOEXEC, 0));
  if (!maps) return Mapped::unknown;
  std::array<char, 8192> text;  // longer than any line
  std::size_t kept = 0;
  for (;;) {
    const ssize_t got = read_full(maps.get(), text.data() + kept, text.size() - kept);
    if (got < 0 && errno != ESRCH) return Mapped::unknown;
    if (got <= 0) return Mapped::no;
    std::string_view rest(text.data(), kept + static_cast<std::size_t>(got));
    for (std::size_t end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
      if (names(rest.substr(0, end), {device, inode})) return Mapped::yes;
      rest.remove_prefix(end + 1);
    }
    kept = rest.size() < text.size() ? rest.size() : 0;
    std::copy_n(rest.begin(), kept, text.begin());
  }
}

}  // namespace multiprocessing::sys
