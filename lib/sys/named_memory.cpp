#include "sys/named_memory.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <memory>
#include <span>

#include "sys/calls.hpp"
#include "sys/error.hpp"
#include "sys/ofd.hpp"
#include "sys/random.hpp"

namespace multiprocessing::sys {
namespace {

int open_through_signals(const char* path, int flags, mode_t mode) noexcept {
  int fd = -1;
  do {
    fd = calls().open(path, flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  return fd < 0 ? fd : above_standard_streams(fd);
}

// What open says where the file system or the kernel knows no files without names.
bool knows_no_nameless(int error) noexcept {
  return error == EOPNOTSUPP || error == EISDIR || error == ENOENT || error == EINVAL;
}

FileStatus from_stat(const struct stat& status) noexcept {
  return {.device = status.st_dev,
          .inode = status.st_ino,
          .size = static_cast<std::uint64_t>(status.st_size),
          .owner = status.st_uid,
          .permissions = status.st_mode & 07777U,
          .is_regular = S_ISREG(status.st_mode),
          .has_name = status.st_nlink != 0};
}

std::string unfinished_name() {
  std::uint64_t number = 0;
  fill_with_random(std::as_writable_bytes(std::span(&number, 1)));
  std::array<char, 17> digits{};
  std::snprintf(digits.data(), digits.size(), "%016llx", static_cast<unsigned long long>(number));
  return std::string(kNamedMemory) + "/" + std::string(kUnfinished) + digits.data();
}

}  // namespace

NamelessFile::NamelessFile(mode_t permissions)
    : fd_(open_through_signals(kNamedMemory, O_TMPFILE | O_RDWR, 0600)) {
  if (!fd_ && knows_no_nameless(errno)) make_named();
  if (!fd_) throw_errno("open", kNamedMemory);
  if (permissions != 0600 && calls().fchmod(fd_.get(), permissions) != 0) {
    throw_errno("fchmod", kNamedMemory);
  }
}

void NamelessFile::make_named() {
  do {
    temporary_ = unfinished_name();
    fd_.reset(open_through_signals(temporary_.c_str(), O_CREAT | O_EXCL | O_RDWR, 0600));
    if (fd_) (void)lock_byte(fd_.get(), 0);
  } while (!fd_ && errno == EEXIST);
  if (!fd_) temporary_.clear();
}

NamelessFile::~NamelessFile() {
  if (!temporary_.empty()) (void)unlink_named(temporary_);
}

bool NamelessFile::link(const std::string& path) const {
  const std::string from =
      temporary_.empty() ? "/proc/self/fd/" + std::to_string(fd_.get()) : temporary_;
  if (calls().linkat(AT_FDCWD, from.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) == 0) {
    return true;
  }
  if (errno == EEXIST) return false;
  throw_errno("linkat", path);
}

UniqueFd open_named(const std::string& path) noexcept {
  return UniqueFd(open_through_signals(path.c_str(), O_RDWR | O_NOFOLLOW, 0));
}

FileStatus status_of(int fd) {
  struct stat status{};
  if (calls().fstat(fd, &status) != 0) throw_errno("fstat");
  return from_stat(status);
}

std::optional<FileStatus> status_of(const std::string& path) noexcept {
  struct stat status{};
  if (calls().lstat(path.c_str(), &status) != 0) return std::nullopt;
  return from_stat(status);
}

bool unlink_named(const std::string& path) noexcept {
  return calls().unlink(path.c_str()) == 0;
}

std::uint64_t free_bytes(const char* path) noexcept {
  struct statvfs status{};
  if (calls().statvfs(path, &status) != 0) return 0;
  return static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
}

// The kernel leases a file for writing to nobody unless it is the only one that has it open; a
// mapping counts. Should somebody open it in the moment until the lease is given back, the kernel
// lets them wait for that long and sends a signal, which is one that nobody dies of.
bool used_by_others(int fd) noexcept {
  (void)calls().fcntl_int(fd, F_SETSIG, SIGURG);
  if (calls().fcntl_int(fd, F_SETLEASE, F_WRLCK) != 0) return errno == EAGAIN;
  (void)calls().fcntl_int(fd, F_SETLEASE, F_UNLCK);
  return false;
}

std::vector<std::string> names_with(std::string_view prefix) {
  std::vector<std::string> names;
  struct Close {
    void operator()(DIR* directory) const noexcept { ::closedir(directory); }
  };
  const std::unique_ptr<DIR, Close> directory(::opendir(kNamedMemory));
  if (!directory) return names;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is this thread's own
  while (const struct dirent* const entry = ::readdir(directory.get())) {
    const std::string_view name(static_cast<const char*>(entry->d_name));
    if (name.starts_with(prefix)) names.emplace_back(name);
  }
  return names;
}

bool read_at(int fd, void* bytes, std::size_t count, std::uint64_t offset) noexcept {
  auto* to = static_cast<std::byte*>(bytes);
  while (count > 0) {
    const ssize_t got = ::pread(fd, to, count, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got == 0) errno = ENODATA;
    if (got <= 0) return false;
    to += got;
    offset += static_cast<std::uint64_t>(got);
    count -= static_cast<std::size_t>(got);
  }
  return true;
}

bool write_at(int fd, const void* bytes, std::size_t count, std::uint64_t offset) noexcept {
  const auto* from = static_cast<const std::byte*>(bytes);
  while (count > 0) {
    const ssize_t put = ::pwrite(fd, from, count, static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    from += put;
    offset += static_cast<std::uint64_t>(put);
    count -= static_cast<std::size_t>(put);
  }
  return true;
}

uid_t effective_user() noexcept {
  return ::geteuid();
}

}  // namespace multiprocessing::sys
