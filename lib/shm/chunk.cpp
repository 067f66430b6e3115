#include "shm/chunk.hpp"

#include <algorithm>
#include <array>
#include <mutex>
#include <utility>

#include "shm/local.hpp"
#include "shm/warm_chunks.hpp"
#include "sys/crash_point.hpp"
#include "sys/memory.hpp"

namespace multiprocessing::shm {
namespace {

std::uint64_t pack(ChunkState state, Name owner, std::uint32_t sequence) noexcept {
  const std::uint64_t slot = owner.nobody() ? 0 : owner.slot;
  return static_cast<std::uint64_t>(state) | slot << 4U | (owner.generation & 0xFFFU) << 20U |
         std::uint64_t{sequence} << 32U;
}

ChunkState state_of(std::uint64_t word) noexcept {
  return static_cast<ChunkState>(word & 0x7U);
}
std::uint32_t sequence_of(std::uint64_t word) noexcept {
  return static_cast<std::uint32_t>(word >> 32U);
}
bool is_free(std::uint64_t word) noexcept {
  return state_of(word) == ChunkState::cold || state_of(word) == ChunkState::warm;
}
bool named(std::uint64_t word, Name name) noexcept {
  return ((word >> 4U) & 0xFFFFU) == name.slot &&
         ((word >> 20U) & 0xFFFU) == (name.generation & 0xFFFU);
}

// seq_cst: [R]; also the order of claims against the note, which is stored before (release)
bool move(std::uint64_t chunk, std::uint64_t from, std::uint64_t to) noexcept {
  return chunk_word(chunk).compare_exchange_strong(from, to, std::memory_order_seq_cst,
                                                   std::memory_order_relaxed);
}

// From a state in which nobody else moves it: claimed, or part of an owned run.
void move_own(std::uint64_t chunk, ChunkState state, Name owner, std::uint32_t sequence) noexcept {
  // release: the note that covers it, and the run's shape, come before
  chunk_word(chunk).store(pack(state, owner, sequence), std::memory_order_release);
}

void note(std::uint64_t first, std::uint64_t count) noexcept {
  // release: the note precedes the claims that it covers
  here().slot->chunk_note.store(first << 32U | count, std::memory_order_release);
  MULTIPROCESSING_CRASH_POINT("chunk.noted");
}
void clear_note() noexcept {
  here().slot->chunk_note.store(0, std::memory_order_release);
}

Offset offset_of_chunk(std::uint64_t chunk) noexcept {
  return arena().header().chunks + chunk * kChunkSize;
}

// Makes an owned run free: warm while there is room for warm ones, else its memory goes back.
void set_free(std::uint64_t first, std::uint64_t count, bool punch) noexcept {
  const bool cold = punch || !keeps_warm(count);
  for (std::uint64_t chunk = first; chunk < first + count; ++chunk) {
    MULTIPROCESSING_CRASH_POINT("chunk.release.freed");
    if (cold) sys::punch(arena().fd(), offset_of_chunk(chunk), kChunkSize);
    const std::uint64_t word = chunk_word(chunk).load(std::memory_order_relaxed);
    move_own(chunk, cold ? ChunkState::cold : ChunkState::warm, {}, sequence_of(word) + 1);
  }
}

// A warm chunk that was a slab of this class: its pages of block words are there already, so that
// the same demand made again takes no more memory than before. 0: none.
std::uint64_t find_alike(std::uint32_t size_class) noexcept {
  const std::uint64_t used = arena().header().chunks_used.load(std::memory_order_acquire);
  for (std::uint64_t chunk = 1; chunk < used; ++chunk) {
    if (chunk_state(chunk) == ChunkState::warm &&
        chunk_info(chunk).shape.load(std::memory_order_relaxed) == size_class) {
      return chunk;
    }
  }
  return 0;
}

// A warm run where the last one ended. What is freed in the order in which it was obtained is found
// there at once, and not among words that are just being freed. Within what a search from the
// beginning has come to, so that no more memory is gone through than is needed at once.
std::uint64_t find_next(std::uint64_t count) noexcept {
  constexpr std::uint32_t kSearchEvery = 128;  // demand may have fallen
  RunCursor& cursor = local().run_cursor;
  if (++cursor.found % kSearchEvery == 0) cursor = {};
  const std::uint64_t first = cursor.next + count <= cursor.end ? cursor.next : 1;
  if (first + count > cursor.end) return 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    if (chunk_state(first + i) != ChunkState::warm) return 0;
  }
  return first;
}

// First chunk of a free run, warm ones first; past the high-water mark if nothing else fits.
// 0: the arena's address space is used up.
std::uint64_t find_first(std::uint64_t count) noexcept {
  ArenaHeader& head = arena().header();
  const std::uint64_t used = head.chunks_used.load(std::memory_order_acquire);
  std::uint64_t warm = 0;  // chunks in a row, up to here
  std::uint64_t free = 0;
  std::uint64_t partly_cold = 0;  // the first run that is
  for (std::uint64_t chunk = 1; chunk < used; ++chunk) {
    const ChunkState state = chunk_state(chunk);
    warm = state == ChunkState::warm ? warm + 1 : 0;
    free = warm != 0 || state == ChunkState::cold ? free + 1 : 0;
    if (warm == count) return chunk + 1 - count;
    if (free == count && partly_cold == 0) partly_cold = chunk + 1 - count;
  }
  if (partly_cold != 0) return partly_cold;
  std::uint64_t mark = used;
  while (mark + count <= head.chunk_count) {
    if (head.chunks_used.compare_exchange_weak(mark, mark + count, std::memory_order_acq_rel)) {
      return mark;
    }
  }
  return 0;
}

// Requires local().chunks.
std::uint64_t find_run(std::uint64_t count) noexcept {
  std::uint64_t first = find_next(count);
  if (first == 0) first = find_first(count);
  if (first == 0) return 0;
  RunCursor& cursor = local().run_cursor;
  cursor.next = first + count;
  cursor.end = std::max(cursor.end, cursor.next);
  return first;
}

// What was claimed and neither committed nor used is again what it was: one that has no memory must
// not pass for warm, whose next owner would neither commit it nor count it (C4).
void put_back(std::uint64_t first, std::uint64_t claimed) noexcept {
  for (std::uint64_t chunk = first; chunk < first + claimed; ++chunk) {
    MULTIPROCESSING_CRASH_POINT("chunk.claim.put_back");
    const std::uint64_t word = chunk_word(chunk).load(std::memory_order_relaxed);
    const bool was_cold = (word & kWasCold) != 0;
    move_own(chunk, was_cold ? ChunkState::cold : ChunkState::warm, {}, sequence_of(word) + 1);
  }
  clear_note();
}

// An obtained run that cannot be used after all.
void give_up(std::uint64_t first, std::uint64_t count) noexcept {
  set_free(first, count, true);
  clear_note();
}

// cold|warm -> claimed(me) for each chunk of the run, counting the cold ones; false: somebody was
// faster.
bool claim_run(std::uint64_t first, std::uint64_t count, std::uint64_t& cold) noexcept {
  note(first, count);
  const Name me = here().name;
  std::uint64_t i = 0;
  for (; i < count; ++i) {
    const std::uint64_t word = chunk_word(first + i).load(std::memory_order_relaxed);
    if (!is_free(word)) break;
    const bool is_cold = state_of(word) == ChunkState::cold;
    const std::uint64_t claimed = pack(ChunkState::claimed, me, sequence_of(word));
    if (!move(first + i, word, claimed | (is_cold ? kWasCold : 0))) break;
    if (is_cold) ++cold;
    MULTIPROCESSING_CRASH_POINT("chunk.claimed");
  }
  if (i < count) put_back(first, i);
  return i == count;
}

// Backs the run with memory, within the limit; `cold` of its chunks have none yet.
bool commit_run(std::uint64_t first, std::uint64_t count, std::uint64_t cold) {
  if (cold == 0) return true;
  Arena& mine = arena();
  if (mine.allocated_bytes() + cold * kChunkSize > mine.header().limit) return false;
  return sys::commit(mine.fd(), offset_of_chunk(first), count * kChunkSize) == 0;
}

// Backs the block words that a slab of this class has: whoever scans them reads no hole, and what
// a slab costs does not depend on how many of its blocks have been used yet.
bool commit_words(std::uint64_t chunk, std::uint32_t size_class) {
  const Offset first = arena().offset_of(&block_word(block_id(chunk, 0)));
  return sys::commit(arena().fd(), first, (std::uint64_t{class_count(size_class)} + 1) * 8) == 0;
}

// A claimed and (unless sparse) committed run, covered by the note. 0: exhausted.
std::uint64_t obtain_run(std::uint64_t count, bool sparse, std::uint64_t preferred = 0) {
  for (;;) {
    const std::uint64_t first = preferred != 0 ? std::exchange(preferred, 0) : find_run(count);
    if (first == 0) return 0;
    std::uint64_t cold = 0;
    if (!claim_run(first, count, cold)) continue;
    if (sparse) {
      sys::punch(arena().fd(), offset_of_chunk(first), count * kChunkSize);
      return first;
    }
    if (commit_run(first, count, cold)) return first;
    give_up(first, count);
    return 0;
  }
}

void publish_run(std::uint64_t first, std::uint64_t count, Name owner) noexcept {
  for (std::uint64_t i = count; i-- > 0;) {
    const std::uint64_t word = chunk_word(first + i).load(std::memory_order_relaxed);
    if (state_of(word) != ChunkState::claimed || !named(word, owner)) continue;
    move_own(first + i, i == 0 ? ChunkState::head : ChunkState::tail, {}, sequence_of(word));
  }
}

}  // namespace

std::atomic<std::uint64_t>& chunk_word(std::uint64_t chunk) noexcept {
  return arena().at<std::atomic<std::uint64_t>>(arena().header().chunk_words)[chunk];
}
ChunkState chunk_state(std::uint64_t chunk) noexcept {
  // relaxed: a guess; every claim is a compare-exchange on the exact word
  return state_of(chunk_word(chunk).load(std::memory_order_relaxed));
}

int class_for(std::uint64_t bytes) noexcept {
  if (bytes > kClasses.back()) return -1;
  return static_cast<int>(std::ranges::lower_bound(kClasses, bytes) - kClasses.begin());
}
std::uint32_t class_count(std::uint32_t size_class) noexcept {
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(kBlocksPerChunk - 1, kChunkSize / class_bytes(size_class)));
}

std::uint64_t make_slab(std::uint32_t size_class) {
  const Local& mine = here();
  const std::lock_guard guard(local().chunks);
  const std::uint64_t chunk = obtain_run(1, false, find_alike(size_class));
  if (chunk == 0) return 0;
  if (!commit_words(chunk, size_class)) {
    give_up(chunk, 1);
    return 0;
  }
  ChunkInfo& info = chunk_info(chunk);
  // relaxed: the chunk's word publishes them
  info.shape.store(size_class, std::memory_order_relaxed);
  info.has_free.store(1, std::memory_order_relaxed);
  info.maker.store(static_cast<std::uint16_t>(mine.name.slot), std::memory_order_relaxed);
  const std::uint64_t word = chunk_word(chunk).load(std::memory_order_relaxed);
  (void)move(chunk, word, pack(ChunkState::slab, {}, sequence_of(word)));
  MULTIPROCESSING_CRASH_POINT("chunk.published");
  clear_note();
  return chunk;
}

std::uint64_t make_run(std::uint64_t chunks, bool sparse, Block& block) {
  const Local& mine = here();
  const std::lock_guard guard(local().chunks);
  const std::uint64_t first = obtain_run(chunks, sparse);
  if (first == 0) return 0;
  // relaxed: the words below publish it. Not stored in vain: whoever frees runs reads that line.
  const std::uint32_t shape = static_cast<std::uint32_t>(chunks) | (sparse ? kSparse : 0);
  std::atomic<std::uint32_t>& former = chunk_info(first).shape;
  if (former.load(std::memory_order_relaxed) != shape) {
    former.store(shape, std::memory_order_relaxed);
  }
  std::atomic<std::uint64_t>& word = block_word(block_id(first, 0));
  BlockWord free_word = BlockWord::unpack(word.load(std::memory_order_acquire));  // [F]
  block.ref = {block_id(first, 0), free_word.sequence};
  block.entry = journal(block.ref);
  MULTIPROCESSING_CRASH_POINT("block.allocate.noted");
  const BlockWord claimed{BlockState::priv, mine.name.slot,
                          static_cast<std::uint32_t>(mine.name.generation), free_word.sequence,
                          false};
  word.store(claimed.packed(), std::memory_order_seq_cst);  // C3: nobody else claims it
  MULTIPROCESSING_CRASH_POINT("block.allocate.claimed");
  publish_run(first, chunks, mine.name);
  MULTIPROCESSING_CRASH_POINT("chunk.published");
  clear_note();
  return first;
}

void release_run(BlockRef ref) noexcept {
  const Local& mine = here();
  const std::lock_guard guard(local().chunks);
  const std::uint64_t first = chunk_of(ref.id);
  const std::uint32_t shape = chunk_info(first).shape.load(std::memory_order_relaxed);
  const std::uint64_t count = shape & ~kSparse;
  note(first, count);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t word = chunk_word(first + i).load(std::memory_order_relaxed);
    move_own(first + i, ChunkState::claimed, mine.name, sequence_of(word));
    MULTIPROCESSING_CRASH_POINT("chunk.release.claimed");
  }
  const BlockWord free_word{BlockState::free, 0, 0, ref.sequence + 1, false};
  block_word(ref.id).store(free_word.packed(), std::memory_order_seq_cst);  // [F]
  // what is sparse has holes, which must not be taken for committed memory
  const bool punch = (shape & kSparse) != 0 || count * kChunkSize > arena().header().warm_limit / 2;
  set_free(first, count, punch);
  clear_note();
}

void cool_down() noexcept {
  const Local& mine = here();
  const std::lock_guard guard(local().chunks);
  const std::uint64_t used = arena().header().chunks_used.load(std::memory_order_acquire);
  for (std::uint64_t chunk = 1; chunk < used; ++chunk) {
    const std::uint64_t word = chunk_word(chunk).load(std::memory_order_relaxed);
    if (state_of(word) != ChunkState::warm) continue;
    note(chunk, 1);
    if (move(chunk, word, pack(ChunkState::claimed, mine.name, sequence_of(word)))) {
      set_free(chunk, 1, true);
    }
  }
  clear_note();
  count_warm();
}

bool retire_slab(std::uint64_t chunk) noexcept {
  const Local& mine = here();
  const std::unique_lock guard(local().chunks, std::try_to_lock);
  if (!guard) return false;
  const std::uint64_t word = chunk_word(chunk).load(std::memory_order_relaxed);
  if (state_of(word) != ChunkState::slab) return false;
  note(chunk, 1);
  if (!move(chunk, word, pack(ChunkState::retiring, mine.name, sequence_of(word)))) {  // [R]
    clear_note();
    return false;
  }
  MULTIPROCESSING_CRASH_POINT("chunk.retire.marked");
  const std::uint32_t count = class_count(chunk_info(chunk).shape.load(std::memory_order_relaxed));
  bool empty = true;
  for (std::uint32_t i = 1; empty && i <= count; ++i) {
    // seq_cst: [R]
    const std::uint64_t block = block_word(block_id(chunk, i)).load(std::memory_order_seq_cst);
    empty = BlockWord::unpack(block).state == BlockState::free;
  }
  if (empty) {
    // claimed first: a death in set_free must not bring a slab back whose memory is gone
    const std::uint64_t retiring = chunk_word(chunk).load(std::memory_order_relaxed);
    (void)move(chunk, retiring, pack(ChunkState::claimed, mine.name, sequence_of(retiring)));
    MULTIPROCESSING_CRASH_POINT("chunk.retire.claimed");
    set_free(chunk, 1, false);
  } else {
    (void)move(chunk, chunk_word(chunk).load(std::memory_order_relaxed), word);
  }
  clear_note();
  return empty;
}

void sweep_chunks(Name dead, Slot& slot) noexcept {
  const std::uint64_t noted = slot.chunk_note.load(std::memory_order_acquire);
  if (noted == 0) return;
  const std::uint64_t first = noted >> 32U;
  const std::uint64_t count = noted & 0xFFFFFFFFU;
  const BlockWord block =
      BlockWord::unpack(block_word(block_id(first, 0)).load(std::memory_order_acquire));
  const bool owned = block.state != BlockState::free && block.owned_by(dead);
  if (owned) publish_run(first, count, dead);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t word = chunk_word(first + i).load(std::memory_order_relaxed);
    if (!named(word, dead)) continue;
    if (state_of(word) == ChunkState::claimed) set_free(first + i, 1, true);
    if (state_of(word) == ChunkState::retiring) {
      (void)move(first + i, word, pack(ChunkState::slab, {}, sequence_of(word)));
    }
  }
  slot.chunk_note.store(0, std::memory_order_release);
  count_warm();
}

}  // namespace multiprocessing::shm
