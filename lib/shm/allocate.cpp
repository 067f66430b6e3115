#include <algorithm>
#include <array>
#include <string>

#include <multiprocessing/errors.hpp>

#include "shm/block.hpp"
#include "shm/chunk.hpp"
#include "shm/local.hpp"
#include "shm/object.hpp"
#include "sys/crash_point.hpp"

namespace multiprocessing::shm {
namespace {

constexpr std::uint64_t kTrimAfter = std::uint64_t{8} << 20U;
constexpr std::size_t kRecent = 8;
constexpr std::size_t kClassCount = 32;

// Where this thread looks first. All of it is hints: a wrong one costs a failed claim.
struct Hints {
  std::array<BlockId, kRecent> recent{};
  std::uint32_t recents = 0;
  std::uint32_t cursor = 1;
  std::uint64_t chunk = 0;
};
thread_local std::array<Hints, kClassCount> hints;
thread_local std::uint64_t freed_since_trim = 0;

// free -> private(me), and the slab is still one of this class.
bool claim(BlockId id, std::uint32_t size_class, std::uint8_t& entry, bool& noted, Block& out) {
  std::atomic<std::uint64_t>& word = block_word(id);
  std::uint64_t seen = word.load(std::memory_order_acquire);  // [F]
  const BlockWord before = BlockWord::unpack(seen);
  if (before.state != BlockState::free) return false;
  const BlockRef ref{id, before.sequence};
  if (noted) {
    journal_at(entry, ref);
  } else {
    entry = journal(ref);
    noted = true;
  }
  MULTIPROCESSING_CRASH_POINT("block.allocate.noted");
  const Name me = here().name;
  const BlockWord after{BlockState::priv, me.slot,
                        static_cast<std::uint32_t>(me.generation & 0xFFFU), before.sequence, false};
  // seq_cst: [R] of chunk.hpp, before the look at the chunk
  if (!word.compare_exchange_strong(seen, after.packed(), std::memory_order_seq_cst,
                                    std::memory_order_relaxed)) {
    return false;
  }
  MULTIPROCESSING_CRASH_POINT("block.allocate.claimed");
  const std::uint64_t chunk = chunk_of(id);
  const std::uint64_t now = chunk_word(chunk).load(std::memory_order_seq_cst);  // [R]
  const bool still_slab = static_cast<ChunkState>(now & 0xFU) == ChunkState::slab &&
                          chunk_info(chunk).shape.load(std::memory_order_relaxed) == size_class;
  if (!still_slab) {  // C2: give it back, untouched
    word.store(seen, std::memory_order_release);
    show_free(id);  // a search that met it as ours may have cleared the hint
    return false;
  }
  out = {ref, entry};
  return true;
}

struct Search {
  std::uint32_t size_class;
  std::uint8_t entry = 0xFF;
  bool noted = false;
  Block found;

  bool try_block(BlockId id) { return claim(id, size_class, entry, noted, found); }

  bool try_slab(std::uint64_t chunk, Hints& hint) {
    const std::uint32_t count = class_count(size_class);
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::uint32_t index = 1 + (hint.cursor - 1 + i) % count;
      // relaxed: a guess, the claim decides
      const std::uint64_t word = block_word(block_id(chunk, index)).load(std::memory_order_relaxed);
      if ((word & 0x7U) != 0) continue;
      if (!try_block(block_id(chunk, index))) continue;
      hint.chunk = chunk;
      hint.cursor = index % count + 1;
      return true;
    }
    return false;
  }

  // A slab whose hint says full is looked at once more after the hint is cleared, so that a block
  // freed in between is not forgotten.
  bool try_slab_with_hint(std::uint64_t chunk, Hints& hint) {
    std::atomic<std::uint16_t>& has_free = chunk_info(chunk).has_free;
    if (has_free.load(std::memory_order_relaxed) == 0) return false;
    if (try_slab(chunk, hint)) return true;
    has_free.store(0, std::memory_order_seq_cst);
    std::atomic_thread_fence(std::memory_order_seq_cst);  // [G], before the second look's loads
    if (!try_slab(chunk, hint)) return false;
    has_free.store(1, std::memory_order_relaxed);
    return true;
  }

  static bool is_mine(std::uint64_t chunk) {
    return chunk_info(chunk).maker.load(std::memory_order_relaxed) ==
           static_cast<std::uint16_t>(here().name.slot);
  }

  // `hinted`: only where a block is said to be free.
  bool try_slabs(Hints& hint, bool hinted = true) {
    const std::uint64_t used = arena().header().chunks_used.load(std::memory_order_acquire);
    for (const bool own : {true, false}) {
      for (std::uint64_t chunk = 1; chunk < used; ++chunk) {
        if (chunk_state(chunk) != ChunkState::slab) continue;
        if (chunk_info(chunk).shape.load(std::memory_order_relaxed) != size_class) continue;
        if (is_mine(chunk) != own) continue;
        hint.cursor = 1;
        if (hinted ? try_slab_with_hint(chunk, hint) : try_slab(chunk, hint)) return true;
      }
    }
    return false;
  }
};

[[noreturn]] void exhausted(std::uint64_t bytes) {
  const Arena& mine = arena();
  throw ArenaExhausted("the shared arena cannot hold " + std::to_string(bytes) +
                       " more bytes: " + std::to_string(mine.allocated_bytes()) + " of " +
                       std::to_string(mine.header().limit) +
                       " bytes are in use (MULTIPROCESSING_ARENA_LIMIT and "
                       "MULTIPROCESSING_ARENA_SIZE set the bounds)");
}

// Before giving up: what the dead hold, empty slabs and warm chunks come back.
void scrape_together() noexcept {
  (void)bury_the_dead();
  trim();
  cool_down();
}

Block allocate_run(std::uint64_t bytes, bool sparse) {
  const std::uint64_t chunks = bytes / kChunkSize + (bytes % kChunkSize != 0 ? 1 : 0);
  if (chunks >= arena().header().chunk_count) exhausted(bytes);
  Block block;
  if (make_run(chunks, sparse, block) != 0) return block;
  scrape_together();
  if (make_run(chunks, sparse, block) != 0) return block;
  exhausted(bytes);
}

void note_freed(std::uint64_t bytes) noexcept {
  freed_since_trim += bytes;
  if (freed_since_trim < kTrimAfter) return;
  freed_since_trim = 0;
  trim();
}

}  // namespace

Block allocate(std::uint64_t bytes, bool sparse) {
  (void)here();
  const int size_class = class_for(bytes);
  if (size_class < 0) return allocate_run(bytes, sparse && bytes > kSparseAbove);
  Hints& hint = hints[static_cast<std::size_t>(size_class)];
  Search search{static_cast<std::uint32_t>(size_class), 0xFF, false, {}};
  while (hint.recents > 0) {
    if (search.try_block(hint.recent[--hint.recents])) return search.found;
  }
  if (hint.chunk != 0 && search.try_slab(hint.chunk, hint)) return search.found;
  if (search.try_slabs(hint)) return search.found;
  for (bool scraped = false;;) {
    const std::uint64_t chunk = make_slab(search.size_class);
    hint.cursor = 1;
    if (chunk != 0 && search.try_slab(chunk, hint)) return search.found;
    if (chunk != 0) continue;  // others were faster
    if (search.noted) unjournal(search.entry);
    search.noted = false;
    if (scraped) exhausted(bytes);
    scrape_together();
    scraped = true;
    // whatever the hints say: somebody may have stopped between freeing a block and saying so
    if (search.try_slabs(hint, false)) return search.found;
  }
}

void show_free(BlockId id) noexcept {
  if (index_of(id) == 0) return;
  std::atomic_thread_fence(std::memory_order_seq_cst);  // [G]
  std::atomic<std::uint16_t>& has_free = chunk_info(chunk_of(id)).has_free;
  if (has_free.load(std::memory_order_seq_cst) == 0) has_free.store(1, std::memory_order_relaxed);
}

void release(Block& block) noexcept {
  if (!block) return;
  const BlockRef ref = block.ref;
  std::atomic<std::uint64_t>& word = block_word(ref.id);
  const BlockWord now = BlockWord::unpack(word.load(std::memory_order_relaxed));
  if (!now.owned_by(here().name) || now.sequence != ref.sequence) {
    block = {};  // a copy inherited by a forked child: not ours to free
    return;
  }
  // A private one may not wait: somebody might still take it.
  if (now.handles && now.state == BlockState::taken && put_off(block)) return;
  if (now.handles) drop_handles(block);
  MULTIPROCESSING_CRASH_POINT("block.release.before");
  if (index_of(ref.id) == 0) {
    release_run(ref);
    unjournal(block.entry);
    block = {};
    return;
  }
  const std::uint32_t size_class =
      chunk_info(chunk_of(ref.id)).shape.load(std::memory_order_relaxed);
  const BlockWord free_word{BlockState::free, 0, 0, ref.sequence + 1, false};
  word.store(free_word.packed(), std::memory_order_seq_cst);  // [F] [G]
  MULTIPROCESSING_CRASH_POINT("block.release.after");
  std::atomic<std::uint16_t>& has_free = chunk_info(chunk_of(ref.id)).has_free;
  if (has_free.load(std::memory_order_seq_cst) == 0) {  // [G]
    has_free.store(1, std::memory_order_relaxed);
  }
  unjournal(block.entry);  // not before the hint: of a dead one the sweep makes that good
  block = {};
  Hints& hint = hints[size_class % kClassCount];
  if (hint.recents < kRecent) hint.recent[hint.recents++] = ref.id;
  note_freed(class_bytes(size_class));
}

void trim() noexcept {
  const std::uint64_t used = arena().header().chunks_used.load(std::memory_order_acquire);
  for (std::uint64_t chunk = 1; chunk < used; ++chunk) {
    if (chunk_state(chunk) != ChunkState::slab) continue;
    const std::uint32_t count =
        class_count(chunk_info(chunk).shape.load(std::memory_order_relaxed));
    bool empty = true;
    for (std::uint32_t i = 1; empty && i <= count; ++i) {
      // relaxed: a guess, retire_slab looks again
      empty = (block_word(block_id(chunk, i)).load(std::memory_order_relaxed) & 0x7U) == 0;
    }
    if (empty) (void)retire_slab(chunk);
  }
}

BlockCensus census() noexcept {
  BlockCensus sum;
  const std::uint64_t used = arena().header().chunks_used.load(std::memory_order_acquire);
  for (std::uint64_t chunk = 1; chunk < used; ++chunk) {
    const ChunkState state = chunk_state(chunk);
    if (state != ChunkState::slab && state != ChunkState::head) continue;
    const std::uint32_t shape = chunk_info(chunk).shape.load(std::memory_order_relaxed);
    const bool slab = state == ChunkState::slab;
    sum.slabs += slab ? 1 : 0;
    sum.runs += slab ? 0 : 1;
    sum.chunks_in_use += slab ? 1 : shape & ~kSparse;
    const std::uint32_t last = slab ? class_count(shape) : 0;
    for (std::uint32_t i = slab ? 1 : 0; i <= last; ++i) {
      const std::uint64_t word = block_word(block_id(chunk, i)).load(std::memory_order_relaxed);
      if ((word & 0x7U) == 0) continue;
      ++sum.blocks;
      sum.bytes += block_capacity(block_id(chunk, i));
    }
  }
  return sum;
}

}  // namespace multiprocessing::shm
