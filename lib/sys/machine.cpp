#include "sys/machine.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <ctime>
#include <filesystem>

#include "sys/calls.hpp"
#include "sys/io.hpp"

namespace multiprocessing::sys {
namespace {

constexpr Nanoseconds kLookAgainAfter = 5'000'000;

}  // namespace

std::string boot_id() {
  std::array<char, 64> text{};
  const ssize_t length = read_text("/proc/sys/kernel/random/boot_id", text.data(), text.size());
  if (length <= 0) return {};
  std::string id(text.data(), static_cast<std::size_t>(length));
  while (!id.empty() && id.back() == '\n') id.pop_back();
  return id;
}

std::uint64_t pid_namespace() noexcept {
  const UniqueFd file(calls().open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC, 0));
  struct stat status{};
  if (!file || calls().fstat(file.get(), &status) != 0) return 0;
  return status.st_ino;
}

UniqueFd lock_directory_of(const std::string& path, Nanoseconds deadline) {
  std::string directory = std::filesystem::path(path).parent_path().native();
  if (directory.empty()) directory.assign(1, '.');
  UniqueFd opened(calls().open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0));
  if (!opened) return {};
  // A directory cannot be opened for writing, which rules out fcntl's locks.
  while (::flock(opened.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EINTR && errno != EWOULDBLOCK) return {};
    if (now() >= deadline) return {};
    const std::timespec pause{.tv_sec = 0, .tv_nsec = kLookAgainAfter};
    static_cast<void>(calls().poll(nullptr, 0, &pause));
  }
  return opened;
}

}  // namespace multiprocessing::sys
