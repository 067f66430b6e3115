#pragma once

/// \file sys/descriptor_group.hpp
/// One descriptor that is readable while one of several is.
///
///   sharing   a forked child shares the group, not only a copy: it must leave it alone
///   threads   adding and removing are safe from any number of threads
///   death     the kernel closes it

#include "sys/fd.hpp"

namespace multiprocessing::sys {

class DescriptorGroup {
 public:
  /// Empty. \throws std::system_error naming epoll_create1
  DescriptorGroup();

  /// `fd` stays the caller's, who removes it before it is closed. \throws std::system_error
  void add(int fd);
  void remove(int fd) noexcept;
  /// To be polled.
  [[nodiscard]] int fd() const noexcept { return group_.get(); }

 private:
  UniqueFd group_;
};

}  // namespace multiprocessing::sys
