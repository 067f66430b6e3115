#pragma once

/// \file sys/doorbell.hpp
/// A descriptor that any process can make readable that knows its number: a datagram socket with an
/// abstract address, which the kernel forgets with the socket.
///
///   sharing   a forked child has a copy of the descriptor: what it drains is gone for its parent
///   threads   ringing and draining are safe from any number of threads
///   death     the kernel closes it, and whoever rings hears that nobody is there

#include <cstdint>

#include "sys/fd.hpp"

namespace multiprocessing::sys {

/// Who has a doorbell: four numbers, unique among the living of one network namespace.
struct DoorbellName {
  std::uint64_t device;
  std::uint64_t inode;
  std::uint64_t owner;
  std::uint64_t index;
};

/// Close-on-exec and non-blocking. Empty with `errno`: EADDRINUSE (somebody has that name), or no
/// descriptor is left.
[[nodiscard]] UniqueFd open_doorbell(const DoorbellName& name) noexcept;

enum class Rung { yes, nobody_there, failed };

/// Makes the doorbell readable; it may be already. Two system calls; never blocks. `failed`: there
/// was no descriptor or no memory for it.
Rung ring_doorbell(const DoorbellName& name) noexcept;

/// Makes it unreadable until somebody rings again.
void drain_doorbell(int fd) noexcept;

}  // namespace multiprocessing::sys
