#pragma once

// Chunks of 256 KiB: cut into slabs of one size class, or joined into runs.
//
// Layout: a chunk's word is packed like a block's word (block.hpp) with these states, and in place
//   of its bit h: claimed from cold (C4); its info is
//   shape (32: size class of a slab, or length of a run), has_free (16, hint), maker (16, hint)
//
//            claim (noted)                 publish
//   cold --+-------------> claimed(me) --+----------> slab --- retire ---> retiring(me) --> warm
//   warm --+  <----------- (put back)    +----------> head, tail ... -> claimed(me) -> warm | cold
//
// Invariants
//   C1  claimed(p), retiring(p): p's chunk note covers the chunk.
//   C2  A block word of a slab is claimed first and the chunk's word looked at again after: a slab
//       that is being retired gives the block back. So in a retired chunk every block is free but
//       for claims that are about to be given back.
//   C3  Index 0 belongs to runs alone, so no late claim on a slab can meet a run's word.
//   C4  Every page of a warm chunk is committed; whether those of a claimed one are, its word says.
//       So a claim that fails half way puts each chunk back as what it was.
// Ordering
//   [R] retire: seq_cst CAS on the chunk, then seq_cst loads of the words -> allocate: seq_cst CAS
//       on the block's word, then a seq_cst load of the chunk's word (store-load on both sides)
//   [G] a block's word is freed, then has_free looked at -> has_free cleared, fence, then the words
//       looked at (store-load on both sides, seq_cst)
// Death: the sweep of a slot with a note looks at the noted chunks that are claimed(dead): if the
//   head's block word is owned by the dead one they become head and tails again (the block's own
//   sweep frees them), else free. retiring(dead) becomes slab. A slab whose hint the dead one had
//   still to set is said to have a free block by the sweep of its journal, which lists the block
//   until the hint is set; of one that was stopped there, by whoever would find memory exhausted.
// Points: chunk.noted .claimed .published, chunk.claim.put_back, chunk.retire.marked .claimed,
//   chunk.release.claimed .freed

#include <array>
#include <atomic>
#include <cstdint>

#include "shm/arena.hpp"
#include "shm/block.hpp"
#include "shm/name.hpp"
#include "shm/process_table.hpp"

namespace multiprocessing::shm {

enum class ChunkState : std::uint8_t { cold, warm, claimed, slab, head, tail, retiring };

/// Beside the state of a claimed chunk (C4).
inline constexpr std::uint64_t kWasCold = 8;

/// In the shape of a run whose memory is not committed ahead.
inline constexpr std::uint32_t kSparse = 1U << 31U;

struct ChunkInfo {
  std::atomic<std::uint32_t> shape;
  std::atomic<std::uint16_t> has_free;
  std::atomic<std::uint16_t> maker;
};
static_assert(sizeof(ChunkInfo) == 8);

std::atomic<std::uint64_t>& chunk_word(std::uint64_t chunk) noexcept;
inline ChunkInfo& chunk_info(std::uint64_t chunk) noexcept {
  Arena& mine = arena();
  return mine.at<ChunkInfo>(mine.header().chunk_infos)[chunk];
}
ChunkState chunk_state(std::uint64_t chunk) noexcept;
inline std::uint64_t chunk_of(BlockId id) noexcept {
  return id / kBlocksPerChunk;
}
inline std::uint32_t index_of(BlockId id) noexcept {
  return id % kBlocksPerChunk;
}
inline BlockId block_id(std::uint64_t chunk, std::uint32_t index) noexcept {
  return static_cast<BlockId>(chunk * kBlocksPerChunk + index);
}

inline constexpr std::array<std::uint32_t, 22> kClasses{
    64,   128,  192,  256,   384,   512,   768,   1024,  1536,  2048,  3072,
    4096, 6144, 8192, 12288, 16384, 24576, 32768, 49152, 65536, 87360, 131072};

/// Size classes: 64 bytes to 128 KiB. -1: a run of chunks is needed.
int class_for(std::uint64_t bytes) noexcept;
inline std::uint64_t class_bytes(std::uint32_t size_class) noexcept {
  return kClasses[size_class % kClasses.size()];
}
std::uint32_t class_count(std::uint32_t size_class) noexcept;  // blocks in a slab

/// A new slab of a class. 0: the arena is exhausted.
std::uint64_t make_slab(std::uint32_t size_class);
/// Claims a run of `chunks` and the block that stands for it: private(me), journalled. 0:
/// exhausted.
std::uint64_t make_run(std::uint64_t chunks, bool sparse, Block& block);
/// Frees an owned run and its block's word.
void release_run(BlockRef ref) noexcept;
/// Frees the slab if all its blocks are free. True if it was freed.
bool retire_slab(std::uint64_t chunk) noexcept;
/// Gives the memory of all free chunks back to the kernel.
void cool_down() noexcept;
/// Finishes or undoes what a dead process was doing to chunks.
void sweep_chunks(Name dead, Slot& slot) noexcept;

/// Says that a slab has a free block, which a search may have to know of: after one was freed.
void show_free(BlockId id) noexcept;

/// Writes a journal entry for a block; `entry` 0xFF marks the journal as overflowed.
std::uint8_t journal(BlockRef ref) noexcept;
void journal_at(std::uint8_t entry, BlockRef ref) noexcept;
void unjournal(std::uint8_t entry) noexcept;

}  // namespace multiprocessing::shm
