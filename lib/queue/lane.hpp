#pragma once

// A lane: the records of one producer process, read by any number of consumers.
//
// Layout of a lane (1216 bytes, 64-aligned; type-stable for the life of its queue)
//
//   0     owner      0..15 slot + 1 (0: vacant), 16..47 low half of its generation, 48..63 epoch
//   8     dropped    1: something was taken out of it that nobody received
//   64    tail       place behind the newest record; lags behind it by one publication at most
//   72    puts       number of the next item; lags likewise
//   128   head       place of the oldest record that nobody has claimed
//   192   segments   64 x {block, where = offset / 64 << 6 | log2(words), 0: none}
//
// A place is (segment 8 bits, position 56 bits). Positions count 64-bit words, run on through all
// segments and owners of the lane, and never repeat (2^56 words are 512 PiB). A segment is a block
// used as a ring: position p lies in its word p mod size.
//
// Layout of a record
//
//   0     word       0..2 kind, 3..31 bytes, words to skip or segment; 32..63 number of the item
//   8     credit     index of its credit: only in a bounded queue (credits.hpp)
//   ..    payload    the item's bytes, or the reference of the block that is its message, or,
//                    in a JoinableQueue, where its ticket is, and the ticket's sequence
//                    (ticket.hpp)
//
//                 append                publish                        claim
//   (0, private) --------> filled (0) ----------> word != 0 at the tail ------> head beyond it
//
//   owner:  vacant --attach--> (me, e+1) --death--> (dead, e+1) --attach or vacate, if swept and
//           drained--> (me, e+2) --vacate--> vacant
//
// Invariants
//   I1  The word at the tail is 0 until its record is published, by one store: the word behind a
//       record is zeroed before the record is published.
//   I2  The owner alone writes records, `where`, `tail` and `puts`. A lane changes its owner only
//       when its owner's slot has been swept and no record is left in it.
//   I3  A consumer has a record only by the compare-exchange that moves the head from the place at
//       which it copied (or, for a block, that takes the block's word while the head stood there).
//   I4  `where` of the head's segment is that segment or 0: it is stored before a jump to it is
//       published, and whoever moves the head without a jump zeroes it first.
//   I5  A producer links a new segment only 3 or more indices behind the head's, so what stands
//       1 or 2 behind the head's is left over, if anything.
//   I6  Stale readers may read what a freed segment has become (relaxed words, within its bounds):
//       I3 throws away what they saw.
//
// Ordering. Each pair is named where it is used.
//   [C] publish: release on the word -> look: acquire; the record and all before it are seen
//   [H] claim: release on the head -> make_room: acquire; the copy is done before it is overwritten
//   [W] open: release on `where` -> look: acquire; the segment's first word is seen zeroed
//   [O] attach, vacate: release on the owner -> attach: acquire; the last owner has finished
//
// Death
//   before publish              nothing was put; credit and block are the sweep's (credits.hpp)
//   publish .. settle           delivered; a block still private(dead) is taken as it is
//   copy .. claim               nothing was taken
//   claim .. end of get         that one record is lost; anybody frees its credit
//   block taken, head not moved the next consumer moves the head; a sweep frees the block
//   grow: linked, no jump       the segment is left over: the next owner of the lane discards it
//   jump passed, not discarded  whoever passes the next jump discards it before, or who finds the
//                               queue empty once the death was counted
//   attach: owner, no segment   drained: attached anew once the slot is swept
//   vacate: anywhere            owner is (dead, e): vacated again
// Points: queue.put.{credited,filled,noted,published,settled,counted}, queue.get.{copied,claimed,
//   taken,advanced,credited}, queue.grow.{allocated,linked,placed}, queue.pass.{moved,taken,
//   emptied}, queue.attach.{owned,counted}, queue.vacate.{owned,moved,emptied}

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "shm/block.hpp"

namespace multiprocessing::lanes {

using Word = std::atomic<std::uint64_t>;

inline constexpr std::uint32_t kSegments = 64;
inline constexpr std::uint32_t kInlineBytes = 1024;  // larger items travel in blocks

constexpr std::uint64_t place_of(std::uint32_t segment, std::uint64_t position) noexcept {
  return std::uint64_t{segment} << 56U | position;
}
constexpr std::uint32_t segment_of(std::uint64_t place) noexcept {
  return static_cast<std::uint32_t>(place >> 56U);
}
constexpr std::uint64_t position_of(std::uint64_t place) noexcept {
  return place & ((std::uint64_t{1} << 56U) - 1);
}

enum class RecordKind : std::uint32_t { none, bytes, block, skip, jump, ticket };

/// A record's first word, unpacked.
struct Record {
  RecordKind kind = RecordKind::none;
  std::uint32_t size = 0;    // bytes; words to the ring's end; index of the next segment
  std::uint32_t number = 0;  // of the item, or of the next one

  [[nodiscard]] constexpr std::uint64_t packed() const noexcept {
    return static_cast<std::uint64_t>(kind) | std::uint64_t{size} << 3U |
           std::uint64_t{number} << 32U;
  }
  static constexpr Record unpack(std::uint64_t word) noexcept {
    return {static_cast<RecordKind>(word & 7U),
            static_cast<std::uint32_t>((word & 0xFFFFFFFFU) >> 3U),
            static_cast<std::uint32_t>(word >> 32U)};
  }
  [[nodiscard]] constexpr bool is_item() const noexcept {
    return kind == RecordKind::bytes || kind == RecordKind::block || kind == RecordKind::ticket;
  }
  /// Words that the record takes; `header` of them come before an item's payload.
  [[nodiscard]] constexpr std::uint64_t words(std::uint64_t header) const noexcept {
    switch (kind) {
      case RecordKind::bytes:
        return header + (size + 7U) / 8U;
      case RecordKind::block:
        return header + 1;
      case RecordKind::ticket:
        return header + 2;
      case RecordKind::skip:
        return size;
      default:
        return 1;
    }
  }
};

/// Who a lane belongs to, unpacked. The generation's low half tells enough: a slot would have to be
/// reused 2^32 times while a lane keeps the name of its dead owner.
struct Owner {
  std::uint32_t slot = 0;  // + 1; 0: vacant
  std::uint32_t generation_low = 0;
  std::uint32_t epoch = 0;  // 16 bits: how often the lane has changed hands

  [[nodiscard]] constexpr std::uint64_t packed() const noexcept {
    return slot | std::uint64_t{generation_low} << 16U | std::uint64_t{epoch & 0xFFFFU} << 48U;
  }
  static constexpr Owner unpack(std::uint64_t word) noexcept {
    return {static_cast<std::uint32_t>(word & 0xFFFFU), static_cast<std::uint32_t>(word >> 16U),
            static_cast<std::uint32_t>(word >> 48U)};
  }
  [[nodiscard]] constexpr bool vacant() const noexcept { return slot == 0; }
};

struct Segment {
  shm::Location block;
  Word where;
};

struct alignas(64) Lane {
  Word owner;
  Word dropped;
  alignas(64) Word tail;
  Word puts;
  alignas(64) Word head;
  alignas(64) Segment segments[kSegments];
};
static_assert(sizeof(Lane) == 1216 && alignof(Lane) == 64);
static_assert(Word::is_always_lock_free);

/// A segment in this process's mapping.
struct Ring {
  Word* words = nullptr;
  std::uint64_t mask = 0;

  Ring() = default;
  Ring(std::byte* base, std::uint64_t where) noexcept
      : words(reinterpret_cast<Word*>(base + (where >> 6U) * 64)),
        mask((std::uint64_t{1} << (where & 63U)) - 1) {}
  [[nodiscard]] Word& at(std::uint64_t position) const noexcept { return words[position & mask]; }
  [[nodiscard]] std::uint64_t size() const noexcept { return mask + 1; }
  /// Words from `position` to the ring's end.
  [[nodiscard]] std::uint64_t stretch(std::uint64_t position) const noexcept {
    return size() - (position & mask);
  }
};

constexpr std::uint64_t where_of(shm::Offset offset, unsigned log2_words) noexcept {
  return offset / 64 << 6U | log2_words;
}

// Payloads are copied in relaxed words: a consumer may copy what is being overwritten, and throws
// it away (I3).

inline void copy_in(Word* to, const std::byte* from, std::size_t size) noexcept {
  for (; size >= 8; size -= 8, from += 8, ++to) {
    std::uint64_t word = 0;
    std::memcpy(&word, from, 8);
    to->store(word, std::memory_order_relaxed);
  }
  if (size == 0) return;
  std::uint64_t word = 0;
  std::memcpy(&word, from, size);
  to->store(word, std::memory_order_relaxed);
}

inline void copy_out(std::byte* to, const Word* from, std::size_t size) noexcept {
  for (; size >= 8; size -= 8, to += 8, ++from) {
    const std::uint64_t word = from->load(std::memory_order_relaxed);
    std::memcpy(to, &word, 8);
  }
  if (size == 0) return;
  const std::uint64_t word = from->load(std::memory_order_relaxed);
  std::memcpy(to, &word, size);
}

}  // namespace multiprocessing::lanes
