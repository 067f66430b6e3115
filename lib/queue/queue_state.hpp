#pragma once

// What the processes of a family share of one queue.
//
// Layout (payload of an object of ObjectKind::queue, 384 bytes)
//
//   0     maxsize     0: unbounded
//   8     credits     block of `maxsize` credit words (credits.hpp); empty if unbounded
//   16    shutdown    bit 0 shut down, bit 1 immediately
//   24    bells       consumers that wait with a descriptor (bell_list.hpp)
//   32    tickets     of a JoinableQueue: first page (ticket.hpp)
//   40    joined      those in join sleep on it
//   44    mode        bit 0 joinable, bit 1 items of dead consumers come back
//   64    items       consumers sleep on it (wait_word.hpp)
//   128   space       producers sleep on it
//   136   freed       hint: index of the credit that was freed last
//   192   lanes       high half: changes, low half: lanes in use
//   200   groups      16 blocks: group g holds the lanes 2^g - 1 .. 2^(g+1) - 2
//
//   group: hints, one bit a lane (at least 64 bytes), then its lanes
//
// Invariants
//   I1  A lane's number lies below `lanes` before its first record is published.
//   I2  `lanes` shrinks only from the value that was read before all lanes above were seen vacant,
//       and each attach changes it: a lane attached meanwhile stays counted.
//   I3  A hint is set before a record is published where it was clear. It may be lost with a dead
//       consumer, so it never decides that a queue is empty.
//   I4  A location may name a block that is not there any more: of a queue that is being destroyed,
//       if its destroyer died with an overflowed journal. Whoever destroys it goes by the block.
//
// Ordering. Each pair is named where it is used.
//   [L] attach: release on `lanes` -> scan: acquire; the lane's group is linked
//   [S] shutdown: release -> look: acquire, before the lanes: what was put before is seen
//   [I] shut down at once: seq_cst, then the lanes are emptied <-> put into a JoinableQueue: ticket
//       queued by a seq_cst exchange, then seq_cst look: the item is dropped by either
//   [A] abandon, shut down at once: shut, barrier, drain <-> put: publish, look at `shutdown`.
//       Store-load on both sides, by the means of [D] (wait_word.hpp): what is put is dropped by
//       one of the two
//
// Death
//   attach: owned, not counted    no record can be there; the next producer attaches it again
//   group linked, not used        the next producer uses it
//   shut down at once, not emptied  whoever gets, puts or joins empties it
//   hint cleared, not set again   the lane is found by the scans that decide about Empty
//   abandoned, put, not dropped   `drop_rest`, by the sweep of the one who put (connection/end.hpp)
//   destroy                       anybody destroys again: every step is a take or an unlink
// Points: queue.shutdown.marked

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "queue/lane.hpp"
#include "shm/arena.hpp"

namespace multiprocessing::lanes {

inline constexpr std::uint32_t kGroups = 16;
inline constexpr std::uint64_t kShut = 1;
inline constexpr std::uint64_t kImmediate = 2;
inline constexpr std::uint32_t kJoinable = 1;
inline constexpr std::uint32_t kRequeues = 2;

struct alignas(64) QueueState {
  std::uint64_t maxsize;
  shm::Location credits;
  Word shutdown;
  shm::Location bells;
  shm::Location tickets;
  std::atomic<std::uint32_t> joined;
  std::uint32_t mode;
  alignas(64) std::atomic<std::uint32_t> items;
  alignas(64) std::atomic<std::uint32_t> space;
  std::atomic<std::uint32_t> reserved;
  Word freed;
  alignas(64) Word lanes;
  shm::Location groups[kGroups];
};
static_assert(sizeof(QueueState) == 384);

constexpr std::uint32_t lanes_in(std::uint64_t word) noexcept {
  return static_cast<std::uint32_t>(word);
}
constexpr std::uint32_t group_of(std::uint32_t lane) noexcept {
  return 31 - static_cast<std::uint32_t>(std::countl_zero((lane + 1) | 1U));
}
constexpr std::uint64_t group_hint_bytes(std::uint32_t group) noexcept {
  return group < 9 ? 64 : (std::uint64_t{1} << group) / 8;
}
constexpr std::uint64_t group_bytes(std::uint32_t group) noexcept {
  return group_hint_bytes(group) + (std::uint64_t{1} << group) * sizeof(Lane);
}

/// A queue in this process's mapping. Its pointers stay valid as long as the queue is held.
class QueueView {
 public:
  explicit QueueView(QueueState& shared) noexcept;
  QueueView(const QueueView&) = delete;
  QueueView& operator=(const QueueView&) = delete;

  /// Requires that the lane's group exists: the lane was counted, or `make_group` has returned.
  [[nodiscard]] Lane& lane(std::uint32_t number) noexcept {
    const std::uint32_t group = group_of(number);
    std::byte* start = group_start(group) + group_hint_bytes(group);
    return reinterpret_cast<Lane*>(start)[number + 1 - (1U << group)];
  }
  /// The word with the lane's hint; its bit is `hint_bit(number)`.
  [[nodiscard]] Word& hint(std::uint32_t number) noexcept {
    const std::uint32_t group = group_of(number);
    return reinterpret_cast<Word*>(group_start(group))[(number + 1 - (1U << group)) / 64];
  }
  static constexpr std::uint64_t hint_bit(std::uint32_t number) noexcept {
    return std::uint64_t{1} << ((number + 1 - (1U << group_of(number))) % 64);
  }
  /// Allocates and links the group unless it is there. \throws ArenaExhausted
  void make_group(std::uint32_t group);
  /// False, too, for what a destroyer freed and did not live to unlink (I4).
  [[nodiscard]] bool has_group(std::uint32_t group) const noexcept {
    const auto ref = shm::BlockRef::unpack(
        state.groups[group].load(std::memory_order_acquire));  // pairs with shm's [L]
    return ref && shm::is_linked(ref);
  }

  [[nodiscard]] bool bounded() const noexcept { return credits != nullptr; }
  [[nodiscard]] bool joinable() const noexcept { return (state.mode & kJoinable) != 0; }
  [[nodiscard]] shm::Offset offset_of(const void* address) const noexcept {
    return static_cast<shm::Offset>(static_cast<const std::byte*>(address) - base);
  }

  QueueState& state;
  std::byte* base;
  Word* credits;                         // nullptr: unbounded
  std::uint64_t header;                  // words of an item's record before its payload
  std::atomic<std::uint64_t> deaths{0};  // of the family, when their segments were looked for last

 private:
  std::byte* group_start(std::uint32_t group) noexcept {
    // acquire: another thread of this process may have found it just now
    std::byte* known = groups_[group % kGroups].load(std::memory_order_acquire);
    return known != nullptr ? known : find_group(group);
  }
  std::byte* find_group(std::uint32_t group) noexcept;

  std::atomic<std::byte*> groups_[kGroups]{};
};

/// Frees all that the queue owns besides its own block. May be run again after a death.
void destroy_queue(QueueState& state) noexcept;

}  // namespace multiprocessing::lanes
