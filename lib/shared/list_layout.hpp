#pragma once

// A list in shared memory: words in segments that never move, one writer at a time, readers that
// take no lock.
//
// Layout (a word is 64 bits; every word below is an atomic)
//
//   ListState, the payload of an object of kind `list`
//     0     lock       of the writer (recursive, Recovery::silent)
//     64    version    odd: words that readers look at are being moved
//     72    size       elements
//     80    reserved   slots beyond `size` and below this one may hold records
//     88    item       bytes of an element that is its slot's word; 0: slots refer to records
//     96    undo       block with what a change moves: first, count, size, then the words
//     104   armed      how many of `pairs` undo a change; 0: none does
//     112   old_size   goes with them
//     128   pairs      8 x {index, word}
//     256   segments   32 x block: segment k has the slots 64 * (2^k - 1) .. 64 * (2^(k+1) - 1) - 1
//
//   Record, a block: bit 63 and the number of bytes, then the bytes; or, with handles, a
//   shm::Message
//
//   A change moves words and sets `size`, nothing else: what is new was staged in the slots beyond
//   `size` before, and what is old stands there afterwards and is dropped.
//
//             stage              arm, or link undo        odd, move, size
//   resting ---------> staged ---------------------> armed ----------------> moved
//      ^                                                                       | disarm, or take
//      undo
//      +------- drop ------- even ------------------- committed <--------------+   (the publish)
//
//   At the end of the list nothing has to be moved: `size` is the publish. So is the word itself
//   for an element that is its slot's word.
//
// Invariants
//   I1  Only the lock's holder writes. Who has it first recovers what a dead one left.
//   I2  Each record is named by one slot below max(size, reserved), but while words are moved.
//   I3  While a change is armed its undo restores every word that it moves, and `size`.
//   I4  A slot, segment or record is freed only after `version` has moved since a reader could have
//       found it.
//   I5  No caller's code runs between stage and the end of the change.
//
// Ordering. Each pair is named where it is used.
//   [V] even (release) -> version (acquire)     a reader sees the whole change
//   [W] words (release) after odd -> words (acquire) before the second look at the version
//   [Z] size (release) -> size (acquire)        a reader finds the words below it
//
// Death. The next holder of the lock recovers, in this order:
//   staged, not published      slots between `size` and `reserved` are emptied, their records freed
//   armed, or undo linked      the words and `size` are put back: nothing has happened
//   committed, version odd     made even: it has happened
//   not dropped yet            as staged
//   segment linked, not used   it is there
//   segments being freed       those that are left are freed some time
// Recovering is idempotent: a recoverer's own death means that somebody recovers again.
// Points: list.stage.reserved .linked .staged, list.append.published, list.store.stored,
//   list.change.armed .odd .moved .sized .committed .even, list.drop.bumped .freed, list.drop.done,
//   list.segment.linked .freed, list.recover.begun .restored .even, list.destroy.segment

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include <multiprocessing/detail/lock.hpp>

#include "shm/block.hpp"

namespace multiprocessing::shared {

inline constexpr std::uint32_t kListSegments = 32;
inline constexpr std::uint64_t kFirstSegment = 64;  // slots
inline constexpr std::size_t kPairs = 8;
inline constexpr std::uint64_t kBare = std::uint64_t{1} << 63U;  // in a record without handles

struct ListPair {
  std::atomic<std::uint64_t> index;
  std::atomic<std::uint64_t> word;
};

struct alignas(64) ListState {
  std::array<std::byte, detail::kLockBytes> lock;
  std::atomic<std::uint64_t> version;
  std::atomic<std::uint64_t> size;
  std::atomic<std::uint64_t> reserved;
  std::uint64_t item;
  shm::Location undo;
  std::atomic<std::uint64_t> armed;
  std::atomic<std::uint64_t> old_size;
  std::uint64_t spare;
  std::array<ListPair, kPairs> pairs;
  std::array<shm::Location, kListSegments> segments;
};
static_assert(offsetof(ListState, version) == 64 && offsetof(ListState, pairs) == 128 &&
              offsetof(ListState, segments) == 256 && sizeof(ListState) == 512);

/// What a change's block begins with.
struct ListUndo {
  std::atomic<std::uint64_t> first;
  std::atomic<std::uint64_t> count;
  std::atomic<std::uint64_t> size;
};

constexpr std::uint32_t segment_of(std::uint64_t index) noexcept {
  return static_cast<std::uint32_t>(std::bit_width(index / kFirstSegment + 1)) - 1;
}
constexpr std::uint64_t first_of(std::uint32_t segment) noexcept {
  return kFirstSegment * ((std::uint64_t{1} << segment) - 1);
}
constexpr std::uint64_t slots_in(std::uint32_t segment) noexcept {
  return kFirstSegment << segment;
}
static_assert(segment_of(63) == 0 && segment_of(64) == 1 && segment_of(191) == 1 &&
              segment_of(192) == 2 && first_of(2) == 192);

}  // namespace multiprocessing::shared
