#pragma once

/// \file sys/named_memory.hpp
/// Files in /dev/shm: the shared memory that has a name.
///
///   threads   every function may be called concurrently; a NamelessFile is one thread's
///   death     a file without a name goes with its process; one that was linked stays until
///   somebody
///             removes its name. Where the file system knows no nameless files, one is kept under a
///             name of its own (`kUnfinished` in it), which a death leaves behind

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sys/fd.hpp"

namespace multiprocessing::sys {

inline constexpr const char* kNamedMemory = "/dev/shm";
/// The longest name of a file there.
inline constexpr std::size_t kLongestName = 255;
/// How the names of files begin that were being made where there are no nameless ones. Their
/// makers hold byte 0 (ofd.hpp).
inline constexpr std::string_view kUnfinished = "multiprocessing-unfinished-";

struct FileStatus {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  uid_t owner = 0;
  mode_t permissions = 0;
  bool is_regular = false;
  bool has_name = false;

  [[nodiscard]] bool same_file(const FileStatus& other) const noexcept {
    return device == other.device && inode == other.inode;
  }
};

/// A file that nobody can open yet.
class NamelessFile {
 public:
  /// Empty, readable and writable for those whom `permissions` name, whatever the umask.
  /// \throws std::system_error naming open and the directory.
  explicit NamelessFile(mode_t permissions);
  NamelessFile(const NamelessFile&) = delete;
  NamelessFile& operator=(const NamelessFile&) = delete;
  ~NamelessFile();

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  /// Gives it a name, with all that is in it by then, in one step. False: the name is taken.
  /// \throws std::system_error naming linkat and the path.
  [[nodiscard]] bool link(const std::string& path) const;

 private:
  void make_named();

  UniqueFd fd_;
  std::string temporary_;  // empty: it has no name at all
};

/// Opens for reading and writing; follows no symbolic link. Empty with `errno` if that fails.
[[nodiscard]] UniqueFd open_named(const std::string& path) noexcept;

/// \throws std::system_error naming fstat.
[[nodiscard]] FileStatus status_of(int fd);
/// None with `errno` if it cannot be had.
[[nodiscard]] std::optional<FileStatus> status_of(const std::string& path) noexcept;

/// Removes the name. False with `errno` if that fails.
bool unlink_named(const std::string& path) noexcept;

/// Bytes that may still be taken from the file system of `path`; 0 if it does not say.
[[nodiscard]] std::uint64_t free_bytes(const char* path) noexcept;

/// Whether anybody else has the file open or mapped. False if the kernel cannot tell.
[[nodiscard]] bool used_by_others(int fd) noexcept;

/// Names in kNamedMemory that begin with `prefix`.
[[nodiscard]] std::vector<std::string> names_with(std::string_view prefix);

/// Whole records at a place of a file. False with `errno`.
[[nodiscard]] bool read_at(int fd, void* bytes, std::size_t count, std::uint64_t offset) noexcept;
[[nodiscard]] bool write_at(int fd, const void* bytes, std::size_t count,
                            std::uint64_t offset) noexcept;

[[nodiscard]] uid_t effective_user() noexcept;

}  // namespace multiprocessing::sys
