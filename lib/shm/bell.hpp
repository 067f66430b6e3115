#pragma once

// Descriptors that other processes of the family can make readable: for those who wait in poll or
// epoll for something in shared memory.
//
// Layout of a bell's name, 64 bits, as shared memory holds it
//
//   0..15 slot + 1, 16..30 index, 31 free for whoever notes it, 32..63 the generation's low half
//
// Slot::bells in the process table is the highest index that the process has ever used, plus one.
//
// Invariants
//   I1  A bell's index lies below its slot's `bells` before its name is told to anybody.
//   I2  A bell that was rung stays readable until its owner drains it; who drains looks after it.
//
// Ordering. Each pair is named where it is used.
//   [B] open: release on `bells` -> ring_every_bell: acquire
//
// Death
//   owner dead                    the kernel closes it; who rings finds the slot's name gone
//   ringer dead before its ring   its death rings every bell of the family (watch.hpp)
// The name of the arena's file is part of the address, so families do not meet. A process that has
// entered another network namespace rings in vain: the watch's slices are all that its peers have.

#include <cstdint>

#include "shm/name.hpp"
#include "sys/fd.hpp"

namespace multiprocessing::shm {

inline constexpr std::uint64_t kBellFlag = std::uint64_t{1} << 31U;

/// One descriptor. Not for several threads at once, but for `drain`.
class Bell {
 public:
  Bell() noexcept = default;
  Bell(const Bell&) = delete;
  Bell& operator=(const Bell&) = delete;
  ~Bell() { close(); }

  /// Opens it, unless this process has done so already: one that a fork has copied is left alone
  /// and a new one opened. \throws std::system_error naming the call
  void open();
  void close() noexcept;
  /// It was opened, and by this process.
  [[nodiscard]] bool is_own() const noexcept;

  [[nodiscard]] int fd() const noexcept { return socket_.get(); }
  [[nodiscard]] std::uint64_t name() const noexcept { return name_; }
  [[nodiscard]] std::uint32_t index() const noexcept;
  void drain() const noexcept;

 private:
  sys::UniqueFd socket_;
  Name owner_;
  std::uint64_t name_ = 0;
};

/// The calling thread's, open. \throws std::system_error
Bell& thread_bell();

/// Memory only: the process whose bell it was is not known to have ended.
bool has_owner(std::uint64_t name) noexcept;

/// `nobody_there` says nothing of the owner, but only that no bell of that name can be reached from
/// here: ask `has_owner`.
enum class Rung : std::uint8_t { yes, nobody_there, failed };
/// `name` may carry kBellFlag. A few system calls; never blocks.
Rung ring(std::uint64_t name) noexcept;

/// The bell of that index, whoever has the slot now.
void ring_bell_of(std::uint32_t slot, std::uint32_t index) noexcept;
/// For a death: whatever the dead one was to ring.
void ring_every_bell() noexcept;

}  // namespace multiprocessing::shm
