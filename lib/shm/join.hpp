#pragma once

// How a program that nobody of a family has started becomes one of it.
//
// Somebody of the family hands over three descriptors: the arena's file and the two ends of the
// store (descriptor.hpp). Whoever has them is trusted as a child would be, so they are given to
// this user only; and they are believed only as far as the kernel vouches for them.
//
//   apart --adopt the file--> mapped --take the store--> stored --claim a slot--> one of the family
//
// Invariants
//   J1  A process joins before it has used any arena: it has one for life (arena.hpp, I2).
//   J2  The file is sealed against growing, shrinking and further seals, and this user's, before it
//       is mapped: nobody can make a read of it fail later.
//   J3  The store is there before the name is: a process with a name can be sent descriptors.
//
// Death
//   before the slot is claimed     the family never knew of it; the kernel unmaps and closes
//   after it                       the slot's byte is free: swept like any process of the family
//   who handed the descriptors     the one who joins has them, and goes on
// Points: join.adopted .stored

#include <array>
#include <cstdint>

#include "sys/fd.hpp"

namespace multiprocessing::shm {

/// What tells an arena from every other on this machine, until it goes.
struct ArenaFile {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  friend bool operator==(const ArenaFile&, const ArenaFile&) = default;
};

/// Whether this process has an arena, or was born into a family that has one.
/// \throws ValueError for a ticket that is none
[[nodiscard]] bool has_arena();
/// This process's arena; makes it at first use.
[[nodiscard]] ArenaFile own_arena();

/// This process's descriptors for one who joins, who is sent copies; -1 where there is none. Makes
/// the process one of its family before.
[[nodiscard]] std::array<int, 3> family_descriptors();

/// The other side: makes this process one of that family.
/// \throws ValueError if it has an arena already, the file cannot be one, or is of another layout
/// (naming both ids); std::system_error naming mmap, or the process table if that is full
void join_family(std::array<sys::UniqueFd, 3> descriptors);

}  // namespace multiprocessing::shm
