#pragma once

/// \file sys/descriptor_store.hpp
/// Open files that nobody holds but the kernel: they lie in the messages of a socket, oldest first,
/// each under a key.
///
///   sharing   every process that has the two ends (inherited, or sent to it) puts and takes
///   threads   each call is one step of the kernel's; sequences of calls want a lock
///   death     that of a putter or taker loses nothing; with the last holder of the ends the kernel
///             closes what is in it

#include <sys/types.h>

#include <cstdint>

#include "sys/fd.hpp"

namespace multiprocessing::sys {

class DescriptorStore {
 public:
  struct Key {
    std::uint64_t name = 0;
    std::uint64_t number = 0;
    friend bool operator==(const Key&, const Key&) = default;
  };

  DescriptorStore() = default;

  /// Both ends close-on-exec.
  /// \throws std::system_error naming socketpair (EMFILE).
  static DescriptorStore make();

  /// Takes over ends that came from another process of the family. `usable` tells whether they are.
  DescriptorStore(UniqueFd put_end, UniqueFd take_end) noexcept;

  /// Whether its descriptors still are what they were: a host may have closed them, and their
  /// numbers may live on.
  [[nodiscard]] bool usable() const noexcept;

  [[nodiscard]] int put_end() const noexcept { return put_end_.get(); }
  [[nodiscard]] int take_end() const noexcept { return take_end_.get(); }

  /// Puts a duplicate of `fd` (-1: only the key) at the end. False with `errno`: ENOBUFS if there
  /// is no room, ETOOMANYREFS if this user has too many files under way, EBADF if `fd` is none.
  /// `reserve`: room is left for one more message, for whoever turns the store over.
  bool put(Key key, int fd, bool reserve) noexcept;

  /// The key of the oldest. False: it is empty.
  bool oldest(Key& key) noexcept;

  /// A duplicate of the oldest one's file, close-on-exec. Empty with `errno`: EMFILE if there is no
  /// room for it, ENOENT if it came without one.
  [[nodiscard]] UniqueFd copy_oldest() noexcept;

  void drop_oldest() noexcept;

 private:
  UniqueFd put_end_;
  UniqueFd take_end_;
  ino_t put_inode_ = 0;
  ino_t take_inode_ = 0;
};

}  // namespace multiprocessing::sys
