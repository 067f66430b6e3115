#pragma once

// A hash table in shared memory: readers take no lock, one writer a bucket, no step copies it
// whole.
//
// Layout (a word is 64 bits; every word below is an atomic)
//
//   DictState, the payload of an object of kind `dict`
//     0     seed of the hash, number of buckets, scan, deaths seen
//     64    4 x {entries counted}, one a line
//     320   4 x Bucket                      the buckets 0..3
//     576   26 x Branch {block, offset}     branch k: the buckets 2^(k+1) .. 2^(k+2)-1, either as
//     an
//                                           array of Bucket (up to 512) or as an array of Branch
//
//   Bucket, 64 bytes, type-stable for the life of the dict
//     0   claim       bit 0 waiters; 1..16 slot+1; 17..63 generation: the writer, 0 = nobody
//     8   version     odd: what readers look at is being changed
//     16  page        0 = absent; (sequence 32 | id 32) = its page; (depth+1 << 32) = empty
//     24  counted     31..0 entries that the counters know of; bit 63: being added to them
//     32  new_page    a page that this bucket is about to get
//     40  new_record  a record that the page is about to refer to
//     48  old_page    a page that this bucket is about to lose
//     56  old_record  a record that the page is about to lose
//
//   Page, a block
//     word 0      slots 16 | words 16 | depth 8 | condemned 1
//     word 1      top 16 | used slots 16 | spare region at 16 | spare words 16
//     word 2..    slots, a power of two: kind 3 | entry at 12 | key size 14 | value size 14 | tag
//     21 then        entries: value, then key, each padded with zeros to whole words; or, for what
//     does
//                 not fit (or carries handles): block of the record, value size, key size 40 |
//                 number of handles 24, hash
//   Record, a block: value, key, each padded to whole words; with handles after a shm::Message
//
//   A key with hash h lives in the leaf: the present bucket i whose page says depth d, with
//   h mod 2^d = i. Splitting leaf i makes the bucket i + 2^d; buckets never go away.
//
//              claim(w)                     odd                   one store (the publish)
//   free ----------------> claimed(w) ------------> changing(w) -------------------------+
//     ^                     |      ^                                                     |
//     +------ release ------+      +----------------------- even ------------------------+
//     claimed(dead), changing(dead) --- take over, recover ---> claimed(w)
//
// Invariants
//   I1  Only the claim's owner changes the bucket, its page and the records that the page refers
//   to;
//       an absent bucket i + 2^d is changed by the owner of its parent i alone.
//   I2  Each change is visible by ONE store: a value word, a slot, `page`. What it needs was
//   written
//       where nobody looks; what it replaces is freed after it.
//   I3  Every page and record of the dict is named by `page`, a slot, or a new_ or old_ word. A
//   page
//       or record that is named by new_ is not settled there before it is whole.
//   I4  Whatever a reader takes for an address or a size was read under one even version.
//   I5  An entry's region is not overwritten under an even version, save for a value of one word
//       that keeps its size.
//   I6  counted == entries of the page, and counted is in the counters, while the bucket is free.
//
// Ordering
//   [C] release of the claim (release) -> claim (acquire)   a writer sees the last one's changes
//   [V] version even (release) -> version (acquire)         a reader sees the whole change
//   [W] words (release) after version odd -> words (acquire) before the second look at the version:
//       a reader that saw any word of a change sees that the version has moved
//   [P] page (release) -> page (acquire)                    a child is present before its parent
//       says so, and a page is whole before it is linked
//   [B] offset of a branch (release) -> offset (acquire)    its zeros are seen
//
// Death. The next claimant takes the claim over from the dead one and recovers, in this order:
//   new_record   named by the page: the publish happened, forget it; else it is freed
//   new_page     is `page`: forget it. One deeper than `page`, and the child is present: the split
//                was published, it becomes `page`. Else it is freed, with what the child was to get
//   old_page     is `page`: nothing happened. Else it is freed; if condemned, its records first
//   old_record   named by the page: nothing happened; else it is freed
//   counted      not the entries of the page: they are counted now. bit 63: nobody can tell, so
//                `scan` says that the counters are not to be believed from now on
//   version      odd: made even
// Recovering is idempotent: a recoverer's own death means that somebody recovers again.
// Points: dict.claim.taken .released, dict.value.before .after, dict.entry.linked .noted .odd
//   .reserved .written .published .even .forgotten .freed, dict.count.busy .added,
//   dict.erase.noted .odd .published .even .freed, dict.page.filled .linked .noted .odd .published
//   .even .forgotten .freed, dict.split.filled .self .claimed .child .odd .published .counted
//   .adopted .even .freed .released, dict.branch.linked, dict.clear.noted .condemned .published
//   .records .freed, dict.recover.begun .record .page .old .counted, dict.destroy.bucket .branch

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "shm/block.hpp"

namespace multiprocessing::shared {

using Word = std::uint64_t;
using Words = std::atomic<Word>*;

inline constexpr std::uint32_t kFirstBuckets = 4;
inline constexpr std::uint32_t kBranches = 26;
inline constexpr std::uint32_t kMaxDirect = 512;  // buckets in one block of the directory
inline constexpr std::uint32_t kMaxDepth = 28;
inline constexpr std::uint32_t kCounters = 4;

inline constexpr Word kBusy = Word{1} << 63U;  // in Bucket::counted
inline constexpr Word kWaiters = 1;            // in Bucket::claim

struct alignas(64) Bucket {
  std::atomic<Word> claim;
  std::atomic<Word> version;
  std::atomic<Word> page;
  std::atomic<Word> counted;
  shm::Location new_page;
  shm::Location new_record;
  std::atomic<Word> old_page;
  std::atomic<Word> old_record;
};
static_assert(sizeof(Bucket) == 64, "a bucket is one cache line");

struct Branch {
  shm::Location block;
  std::atomic<Word> offset;  // of the block's memory, so that readers need not ask for it
};

struct alignas(64) Counter {
  std::atomic<Word> entries;  // modulo 2^64: only the sum means something
};

struct alignas(64) DictState {
  std::atomic<Word> seed;
  std::atomic<Word> buckets;      // a hint: where to begin to look for a leaf
  std::atomic<Word> scan;         // 1: the counters are not to be believed
  std::atomic<Word> deaths_seen;  // of the family, when every bucket was last looked at
  std::array<Branch, kBranches> branches;
  std::array<Counter, kCounters> counters;
  std::array<Bucket, kFirstBuckets> first;
};
static_assert(offsetof(DictState, branches) == 32);
static_assert(offsetof(DictState, counters) == 448);
static_assert(offsetof(DictState, first) == 704);
static_assert(sizeof(DictState) == 960);

constexpr Word mask(std::uint32_t bits) noexcept {
  return (Word{1} << bits) - 1;
}

// Bucket::page -----------------------------------------------------------------------------------

constexpr Word empty_page(std::uint32_t depth) noexcept {
  return Word{depth + 1} << 32U;
}
constexpr bool is_empty_page(Word page) noexcept {
  return (page & mask(32)) == 0;
}
constexpr std::uint32_t depth_of_empty(Word page) noexcept {
  return static_cast<std::uint32_t>(page >> 32U) - 1;
}

// Word 0 of a page -------------------------------------------------------------------------------

struct PageHeader {
  std::uint32_t slots = 0;
  std::uint32_t words = 0;
  std::uint32_t depth = 0;
  bool condemned = false;

  [[nodiscard]] constexpr Word packed() const noexcept {
    return Word{slots} | Word{words} << 16U | Word{depth} << 32U | Word{condemned} << 40U;
  }
  static constexpr PageHeader unpack(Word word) noexcept {
    return {static_cast<std::uint32_t>(word & mask(16)),
            static_cast<std::uint32_t>(word >> 16U & mask(16)),
            static_cast<std::uint32_t>(word >> 32U & mask(8)), (word >> 40U & 1U) != 0};
  }
};

// Word 1 of a page: which of its memory is in use ------------------------------------------------

struct PageUse {
  std::uint32_t top = 0;       // first word that no entry has had
  std::uint32_t used = 0;      // slots that are not free
  std::uint32_t spare_at = 0;  // a region that an entry has left
  std::uint32_t spare_words = 0;

  [[nodiscard]] constexpr Word packed() const noexcept {
    return Word{top} | Word{used} << 16U | Word{spare_at} << 32U | Word{spare_words} << 48U;
  }
  static constexpr PageUse unpack(Word word) noexcept {
    return {static_cast<std::uint32_t>(word & mask(16)),
            static_cast<std::uint32_t>(word >> 16U & mask(16)),
            static_cast<std::uint32_t>(word >> 32U & mask(16)),
            static_cast<std::uint32_t>(word >> 48U)};
  }
};

// A slot of a page -------------------------------------------------------------------------------

enum class SlotKind : std::uint8_t { free, erased, inside, record };

constexpr bool is_entry(SlotKind kind) noexcept {
  return kind == SlotKind::inside || kind == SlotKind::record;
}

struct Slot {
  SlotKind kind = SlotKind::free;
  std::uint32_t at = 0;
  std::uint32_t key_size = 0;    // 0 for a record
  std::uint32_t value_size = 0;  // 0 for a record
  std::uint32_t tag = 0;

  [[nodiscard]] constexpr Word packed() const noexcept {
    return static_cast<Word>(kind) | Word{at} << 3U | Word{key_size} << 15U |
           Word{value_size} << 29U | Word{tag} << 43U;
  }
  static constexpr Slot unpack(Word word) noexcept {
    return {static_cast<SlotKind>(word & 7U), static_cast<std::uint32_t>(word >> 3U & mask(12)),
            static_cast<std::uint32_t>(word >> 15U & mask(14)),
            static_cast<std::uint32_t>(word >> 29U & mask(14)),
            static_cast<std::uint32_t>(word >> 43U)};
  }
};
static_assert(Slot::unpack(Slot{SlotKind::record, 4095, 16383, 16383, 0x1FFFFF}.packed()).tag ==
              0x1FFFFF);

inline constexpr std::uint32_t kPageWords = 4096;   // at the most: what a slot can point to
inline constexpr std::uint32_t kSplitWords = 256;   // a page is split rather than made larger
inline constexpr std::uint32_t kSplitEntries = 28;  // likewise
inline constexpr std::size_t kMaxInside = 480;      // bytes of key and value kept in a page
inline constexpr std::uint32_t kSlotsAt = 2;        // word index
inline constexpr std::uint32_t kUsualSlots = 32;    // of a page that is about to be split
inline constexpr std::uint32_t kRecordWords = 4;    // of an entry that refers to a record

constexpr std::uint32_t tag_of(Word hash) noexcept {
  return static_cast<std::uint32_t>(hash >> 43U);
}
constexpr std::uint32_t start_of(Word hash, std::uint32_t slots) noexcept {
  return static_cast<std::uint32_t>(hash >> 32U) & (slots - 1);
}
constexpr std::size_t words_for(std::size_t bytes) noexcept {
  return (bytes + 7) / 8;
}
constexpr std::uint32_t entry_words(const Slot& slot) noexcept {
  return slot.kind == SlotKind::record ? kRecordWords
                                       : (slot.key_size + 7) / 8 + (slot.value_size + 7) / 8;
}

}  // namespace multiprocessing::shared
