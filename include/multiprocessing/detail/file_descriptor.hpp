#pragma once

/// \file multiprocessing/detail/file_descriptor.hpp
/// A file descriptor as a handle.
///
///   sharing   copies are one descriptor, which is closed with the last of them in a process. It
///             travels wherever a handle may: what arrives is a duplicate, equal to what was sent
///   threads   a value: copy it
///   ordering  none
///   death     the kernel closes it. One that is under way is kept by the kernel: it arrives
///   whether
///             its sender lives or not

#include <cstddef>
#include <functional>
#include <memory>

#include <multiprocessing/detail/export.hpp>
#include <multiprocessing/detail/transferable.hpp>

namespace multiprocessing {

namespace detail {

class OpenFile;  // lib/process/file_descriptor.cpp
struct DescriptorTravel;

}  // namespace detail

class MULTIPROCESSING_API FileDescriptor {
 public:
  /// Duplicates `fd`, which stays the caller's.
  /// \throws std::system_error naming fcntl (EBADF, EMFILE).
  explicit FileDescriptor(int fd);

  /// The duplicate's number in this process.
  [[nodiscard]] int fileno() const noexcept;

  /// The same descriptor, or duplicates that travelled.
  friend bool operator==(const FileDescriptor& a, const FileDescriptor& b) noexcept {
    return same(a, b);
  }

 private:
  friend struct std::hash<FileDescriptor>;
  friend struct detail::DescriptorTravel;

  explicit FileDescriptor(std::shared_ptr<const detail::OpenFile> file) noexcept
      : file_(std::move(file)) {}
  static bool same(const FileDescriptor& a, const FileDescriptor& b) noexcept;
  [[nodiscard]] std::size_t hash() const noexcept;

  std::shared_ptr<const detail::OpenFile> file_;
};

namespace detail {

struct MULTIPROCESSING_API DescriptorTravel {
  static void encode(Writer& out, const FileDescriptor& file);
  static FileDescriptor decode(Reader& in);
};

}  // namespace detail

template <>
struct Codec<FileDescriptor> {
  using Parts = detail::Types<>;
  static constexpr bool kFixed = false;
  static constexpr const char* kName = "file descriptor";

  /// \throws std::system_error naming sendmsg (ENOBUFS: some hundred are under way already)
  static void encode(detail::Writer& out, const FileDescriptor& file) {
    detail::DescriptorTravel::encode(out, file);
  }
  /// \throws std::system_error naming recvmsg (EMFILE)
  static FileDescriptor decode(detail::Reader& in) { return detail::DescriptorTravel::decode(in); }
};

}  // namespace multiprocessing

template <>
struct std::hash<multiprocessing::FileDescriptor> {
  std::size_t operator()(const multiprocessing::FileDescriptor& file) const noexcept {
    return file.hash();
  }
};
