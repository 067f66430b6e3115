#pragma once

// Blocks of shared memory: claimed, published, taken and freed by one compare-exchange each.
//
// Layout: a block's word, 64 bits, in the table of block words (never inside the block)
//
//      63        32 31      20 19     4 3 2   0
//      +-----------+----------+--------+-+-----+   a reference to a block, as a location holds it:
//      | sequence  | gen. low | slot   |h|state|   (sequence 32 | id 32), 0 = empty;
//      +-----------+----------+--------+-+-----+   id = chunk << 12 | index, index 0 = a whole run
//
//   h: the payload begins with a Message whose handles are dropped before the block is freed
//
//              allocate(p)            publish / link
//      free(s) -----------> private(p,s) -----------> published(s)
//        ^                    |       |                    |
//        +------ release -----+       +---- take(q) -------+---> taken(q,s)
//        +------------------------------- release (s+1) -----------|
//                             private(q,s+1) <------ keep ---------+
//
// Invariants
//   I1  The word is the authority; lists, cursors and hints are guesses that anybody may repair.
//   I2  private(p) and taken(p): only p touches the payload. p's journal lists the block (or p's
//       journal is marked overflowed), so that a sweep finds it.
//   I3  A location holds (block, sequence); keeping or freeing a block bumps the sequence, so a
//       stale reference never matches again (2^32 uses of one block between two looks apart).
//   I4  Whoever unlinks moves the block's word first (the publish), the location after it. A
//       location whose block has another sequence is stale: anybody may empty it.
//   I5  At most 24 of the 32 journal entries are held for long; the rest serve intents alone, so a
//       publish never waits for somebody who keeps blocks.
//
// Ordering
//   [L] link: release on the location (or on the upper floor's own publish) -> take: acquire
//   [F] release: release on the word -> allocate: acquire (the next owner sees no late store)
//
// Death (protocols, section 1)
//   before free->private              nothing
//   private(dead), intent not held    sweep frees it, with the handles it lists
//   private(dead), intent's location holds it      sweep completes: published
//   taken(dead), location still holds it           sweep or any helper empties the location, frees
//   after release                     nothing
// Points: block.allocate.noted .claimed, block.link.noted .linked .published, block.take.noted
//   .taken .emptied, block.release.before .after

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "shm/arena.hpp"
#include "shm/name.hpp"

namespace multiprocessing::shm {

using BlockId = std::uint32_t;

/// A block in one incarnation. Never dangling silently: the sequence tells.
struct BlockRef {
  BlockId id = 0;
  std::uint32_t sequence = 0;

  [[nodiscard]] constexpr std::uint64_t packed() const noexcept {
    return std::uint64_t{sequence} << 32U | id;
  }
  static BlockRef unpack(std::uint64_t word) noexcept {
    return {static_cast<BlockId>(word), static_cast<std::uint32_t>(word >> 32U)};
  }
  explicit operator bool() const noexcept { return id != 0; }
  friend bool operator==(const BlockRef&, const BlockRef&) = default;
};

/// A place in the arena that holds a reference to a published block, or 0.
using Location = std::atomic<std::uint64_t>;

enum class BlockState : std::uint8_t { free, priv, published, taken };

/// A block's word, unpacked.
struct BlockWord {
  BlockState state = BlockState::free;
  std::uint32_t slot = 0;
  std::uint32_t generation_low = 0;  // 12 bits
  std::uint32_t sequence = 0;
  bool handles = false;

  [[nodiscard]] constexpr std::uint64_t packed() const noexcept {
    return static_cast<std::uint64_t>(state) | (handles ? 8U : 0U) |
           (std::uint64_t{slot} & 0xFFFFU) << 4U | (std::uint64_t{generation_low} & 0xFFFU) << 20U |
           std::uint64_t{sequence} << 32U;
  }
  static BlockWord unpack(std::uint64_t word) noexcept;
  [[nodiscard]] bool owned_by(Name name) const noexcept;
};

/// The authority's word of a block. Type-stable: valid for any id below the chunks in use.
std::atomic<std::uint64_t>& block_word(BlockId id) noexcept;

/// The block's memory, 64-byte aligned. Valid to touch only as I2 allows.
std::byte* block_data(BlockId id) noexcept;
template <class T>
T* block_as(BlockId id) noexcept {
  return reinterpret_cast<T*>(block_data(id));
}

/// Bytes that the block can hold (at least what was asked for).
std::uint64_t block_capacity(BlockId id) noexcept;

/// A block that this process owns: private(me) or taken(me). Plain data, not RAII: whoever holds it
/// links, publishes or releases it. Use OwnedBlock where an exception may pass.
struct Block {
  BlockRef ref;
  std::uint8_t entry = 0xFF;  // of the own journal; 0xFF: overflowed
  [[nodiscard]] std::byte* data() const noexcept { return block_data(ref.id); }
  explicit operator bool() const noexcept { return ref.id != 0; }
};

/// Larger blocks may stay sparse.
inline constexpr std::uint64_t kSparseAbove = std::uint64_t{64} << 20U;

/// Takes a free block of at least `bytes`: private(me). Content is unspecified.
/// `sparse` (above kSparseAbove; ignored below): memory is not committed ahead; pages appear,
/// zeroed, when touched.
/// \throws ArenaExhausted naming wanted, used and limit.
Block allocate(std::uint64_t bytes, bool sparse = false);

/// Frees an owned block (private or taken): its sequence goes up.
/// If it is marked by `note_handles`, the holds that it lists are dropped first.
void release(Block& block) noexcept;

/// Whether this process owns it: false for the copy that a forked child has.
bool is_own(const Block& block) noexcept;

/// Marks the payload as beginning with a Message whose handles are to be dropped when the block is
/// released or its owner dies (object.hpp). Call before the first hold is entered for the block.
void note_handles(Block& block) noexcept;

/// Links an owned private block at an empty location: noted, published, settled. False: occupied,
/// the block stays private.
bool link(Block& block, Location& location) noexcept;

/// Whether the reference names a block that may be found at a location: published, or about to be.
/// Safe for any value, also a stale or torn one.
bool is_linked(BlockRef ref) noexcept;

/// Takes what a location holds: noted, taken(me) (the publish), emptied. An empty Block: nothing
/// was there. Helps whoever has taken the block already.
Block unlink(Location& location) noexcept;

/// taken(me, s) -> private(me, s+1): keeps a block for use elsewhere. Not for one whose Message has
/// handles: their holds name the old sequence.
void keep(Block& block) noexcept;

// For upper floors whose publish is not a location of its own (a lane's tail, an object's holders):

/// How a sweep asks whether the publish happened. Registered once per kind in every process.
enum class PublishKind : std::uint8_t { none, location, lane, chain, dict, kinds };
using PublishedCheck = bool (*)(Offset where, std::uint64_t extra, BlockRef block) noexcept;
void register_publish_kind(PublishKind kind, PublishedCheck check) noexcept;

struct JournalEntry;
/// What a sweep asks of an entry: did the publish that it announces happen?
bool intent_is_published(const JournalEntry& entry, BlockRef ref) noexcept;

/// Writes the intent (where, extra) of an owned block into the own journal, before its publish.
void note_intent(Block& block, PublishKind kind, Offset where, std::uint64_t extra) noexcept;

/// private(me,s) -> published(s), after the publish; false if somebody has settled or taken it.
/// Clears the journal's entry: the block is not ours any more.
bool settle(Block& block) noexcept;

/// Claims a published (or private but visibly linked) block: -> taken(me). Notes it before. False:
/// somebody else took it or the sequence moved on; the journal's entry is cleared.
/// On success the caller empties its location(s), then reads and releases or keeps the block.
bool take(BlockRef ref, PublishKind kind, Offset where, std::uint64_t extra, Block& out) noexcept;

/// An owned block that is released unless it was let go.
class OwnedBlock {
 public:
  explicit OwnedBlock(Block block = {}) noexcept : block_(block) {}
  OwnedBlock(OwnedBlock&& other) noexcept : block_(other.let_go()) {}
  OwnedBlock& operator=(OwnedBlock&& other) noexcept {
    if (this != &other) {
      reset();
      block_ = other.let_go();
    }
    return *this;
  }
  OwnedBlock(const OwnedBlock&) = delete;
  OwnedBlock& operator=(const OwnedBlock&) = delete;
  ~OwnedBlock() { reset(); }

  [[nodiscard]] Block& get() noexcept { return block_; }
  Block let_go() noexcept {
    Block block = block_;
    block_ = {};
    return block;
  }
  void reset() noexcept {
    if (block_) release(block_);
    block_ = {};
  }

 private:
  Block block_;
};

/// Frees whole empty slabs and punches what exceeds the warm limit. Runs by itself now and then.
void trim() noexcept;

/// Sum of the sizes of blocks that are not free, by a scan: for tests and dump_state.
struct BlockCensus {
  std::uint64_t blocks = 0, bytes = 0, slabs = 0, runs = 0, chunks_in_use = 0;
};
BlockCensus census() noexcept;

}  // namespace multiprocessing::shm
