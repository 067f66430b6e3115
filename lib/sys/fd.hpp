#pragma once

/// \file sys/fd.hpp
/// A file descriptor that closes itself.
///
///   sharing   a forked child has its own copy; an exec closes it, since every descriptor made in
///             this folder is close-on-exec
///   threads   like an int: one thread at a time
///   death     the kernel closes it

#include <utility>

namespace multiprocessing::sys {

class UniqueFd {
 public:
  UniqueFd() = default;
  /// Takes `fd` over; a negative one means none.
  explicit UniqueFd(int fd) noexcept : fd_(fd) {}
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  ~UniqueFd() { reset(); }

  /// Gives the descriptor up without closing it.
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

  /// Closes what it holds, if anything, ignoring errors and keeping `errno`, and takes `fd` over.
  void reset(int fd = -1) noexcept;

  /// The descriptor, or -1.
  [[nodiscard]] int get() const noexcept { return fd_; }

  [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

/// The same file at a number above the three of the standard streams, where a program that has
/// closed one of those does not write to it by mistake, nor a child put its own stream over it.
/// Where there is no other number, `fd` itself. Keeps `errno`.
[[nodiscard]] int above_standard_streams(int fd) noexcept;

}  // namespace multiprocessing::sys
