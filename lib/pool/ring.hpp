#pragma once

// Where workers look for work: the cells to be done, in the order of their submission.
//
// Layout
//
//   0    head      position of the first entry that may still be of use
//   64   tail      position of the next entry; written by the one producer
//   72   current   index of the array in use
//   80   arrays    16 Locations; array k holds 256 << k entries of 64 bits:
//                  (low 32 bits of the position) + 1 in the high half, index of a cell in the low
//
//   An entry is there when its high half matches its position. A full ring goes on in an array of
//   twice the size, into which the producer copies what is between head and tail; the old array
//   stays as it is until the pool goes, for those who still read it.
//
// Invariants
//   R1  Entries are hints (cell.hpp, C3). What must hold: head passes an entry only after its cell
//       was seen to be neither queued nor a job with a chunk to be had, at a time after the entry
//       was written.
//   R2  One producer at a time: the owner under its lock for `tasks`, the keeper for `returned`.
//
// Ordering
//   [P] push: seq_cst exchange of the entry -> peek: acquire. seq_cst, because the producer then
//       looks whether somebody sleeps (idle.hpp)
//   [G] grow: release on `current` -> peek: acquire
//
// Death
//   owner in push              everything goes
//   keeper between entry and tail     the next keeper finds the entry at `tail` and moves on
//   worker before it moves head       the next one finds the cell claimed and moves head
// Points: pool.ring.pushed

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "shm/block.hpp"

namespace multiprocessing::pool {

inline constexpr std::size_t kRingArrays = 16;
inline constexpr std::uint32_t kFirstRing = 256;

struct RingState {
  alignas(64) std::atomic<std::uint64_t> head;
  alignas(64) std::atomic<std::uint64_t> tail;     // the consumers do not read it
  alignas(64) std::atomic<std::uint32_t> current;  // they read this each time
  std::uint32_t reserved;
  shm::Location arrays[kRingArrays];
};
static_assert(offsetof(RingState, current) == 128 && offsetof(RingState, arrays) == 136);

/// A ring as one process sees it. The state lies in shared memory, addresses are the process's.
class Ring {
 public:
  using Entry = std::atomic<std::uint64_t>;

  explicit Ring(RingState& state) noexcept : state_(&state) {}

  /// The entry at a position, if it is there.
  struct Peek {
    bool there = false;
    std::uint64_t position = 0;
    std::uint32_t cell = 0;
  };
  [[nodiscard]] Peek peek() noexcept;
  /// Head goes on from `position`, unless somebody was faster.
  void pass(std::uint64_t position) noexcept;

  /// The producer only: makes room, so that the next push cannot fail.
  /// \throws ArenaExhausted if it has to grow and cannot.
  void reserve();
  /// The producer only. \throws as reserve
  void push(std::uint32_t cell);
  /// push, unless the cell stands behind the head already. The caller has made the cell claimable
  /// by a seq_cst step before.
  void push_once(std::uint32_t cell);
  /// For a new producer: completes the push that the last one died in.
  void take_over() noexcept;

 private:
  [[nodiscard]] Entry* array(std::uint32_t index) noexcept;
  [[nodiscard]] Entry& entry(std::uint32_t index, std::uint64_t position) noexcept {
    return array(index)[position & ((std::uint64_t{kFirstRing} << index) - 1)];
  }
  void make_array(std::uint32_t index);
  void grow();

  RingState* state_;
  std::atomic<Entry*> arrays_[kRingArrays] = {};  // where they are mapped; found once
  std::uint64_t seen_head_ = 0;  // the producer's: head was there, and may have moved on
};

}  // namespace multiprocessing::pool
