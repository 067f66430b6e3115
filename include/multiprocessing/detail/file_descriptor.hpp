#pragma once

/// \file multiprocessing/detail/file_descriptor.hpp
/// A file descriptor as a handle.
///
///   sharing   copies are one descriptor, which is closed with the last of them; a forked child has
///             its own
///   threads   a value: copy it
///   ordering  none
///   death     the kernel closes it

#include <cstddef>
#include <functional>
#include <memory>

#include <multiprocessing/detail/export.hpp>

namespace multiprocessing {

class MULTIPROCESSING_API FileDescriptor {
 public:
  /// Duplicates `fd`, which stays the caller's.
  /// \throws std::system_error naming fcntl (EBADF).
  explicit FileDescriptor(int fd);

  /// The duplicate's number in this process.
  [[nodiscard]] int fileno() const noexcept { return *fd_; }

  friend bool operator==(const FileDescriptor&, const FileDescriptor&) noexcept = default;

 private:
  friend struct std::hash<FileDescriptor>;

  std::shared_ptr<const int> fd_;
};

}  // namespace multiprocessing

template <>
struct std::hash<multiprocessing::FileDescriptor> {
  std::size_t operator()(const multiprocessing::FileDescriptor& file) const noexcept {
    return std::hash<std::shared_ptr<const int>>{}(file.fd_);
  }
};
