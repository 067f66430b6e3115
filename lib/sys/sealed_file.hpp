#pragma once

/// \file sys/sealed_file.hpp
/// Bytes in an anonymous file that nobody can change any more: what is handed to another process
/// is what it reads.
///
///   sharing   whoever has the descriptor reads the same bytes
///   threads   every function may be called concurrently
///   death     the kernel frees the file with its last descriptor and mapping

#include <cstddef>
#include <span>

#include "sys/fd.hpp"

namespace multiprocessing::sys {

/// A file that holds `bytes`, sealed against writing, growing, shrinking and further seals.
/// \throws std::system_error naming memfd_create, write or fcntl.
[[nodiscard]] UniqueFd seal_bytes(const char* name, std::span<const std::byte> bytes);

/// Reads one in place.
class SealedFile {
 public:
  /// Maps the file behind `fd`, which stays the caller's. Empty if it is not a file of this user
  /// that is sealed as `seal_bytes` does.
  static SealedFile open(int fd) noexcept;

  SealedFile() = default;
  SealedFile(SealedFile&& other) noexcept;
  SealedFile& operator=(SealedFile&& other) noexcept;
  SealedFile(const SealedFile&) = delete;
  SealedFile& operator=(const SealedFile&) = delete;
  ~SealedFile();

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }
  [[nodiscard]] explicit operator bool() const noexcept { return !bytes_.empty(); }

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace multiprocessing::sys
