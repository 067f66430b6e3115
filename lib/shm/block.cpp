#include "shm/block.hpp"

#include <array>

#include "shm/chunk.hpp"
#include "shm/local.hpp"
#include "sys/clock.hpp"
#include "sys/crash_point.hpp"

namespace multiprocessing::shm {
namespace {

constexpr std::uint32_t kLongEntries = 0x00FFFFFF;  // I5

std::array<std::atomic<PublishedCheck>, static_cast<std::size_t>(PublishKind::kinds)> checks{};

bool cas(std::atomic<std::uint64_t>& word, BlockWord from, BlockWord to) noexcept {
  std::uint64_t expected = from.packed();
  // acq_rel: [L] takes over what the last owner wrote; [F] gives what we wrote to the next
  return word.compare_exchange_strong(expected, to.packed(), std::memory_order_acq_rel,
                                      std::memory_order_relaxed);
}

BlockWord mine(BlockState state, std::uint32_t sequence) noexcept {
  const Name me = here().name;
  return {state, me.slot, static_cast<std::uint32_t>(me.generation & 0xFFFU), sequence, false};
}

BlockWord look(BlockId id) noexcept {
  return BlockWord::unpack(block_word(id).load(std::memory_order_acquire));  // [L]
}

JournalEntry& entry_at(std::uint8_t entry) noexcept {
  return here().slot->journal[entry];
}

bool empty_location(Location& location, BlockRef ref) noexcept {
  std::uint64_t expected = ref.packed();
  return location.compare_exchange_strong(expected, 0, std::memory_order_acq_rel,
                                          std::memory_order_relaxed);
}

}  // namespace

BlockWord BlockWord::unpack(std::uint64_t word) noexcept {
  return {static_cast<BlockState>(word & 0x7U), static_cast<std::uint32_t>((word >> 4U) & 0xFFFFU),
          static_cast<std::uint32_t>((word >> 20U) & 0xFFFU),
          static_cast<std::uint32_t>(word >> 32U), (word & 0x8U) != 0};
}
bool BlockWord::owned_by(Name name) const noexcept {
  return (state == BlockState::priv || state == BlockState::taken) && slot == name.slot &&
         generation_low == (name.generation & 0xFFFU);
}

std::atomic<std::uint64_t>& block_word(BlockId id) noexcept {
  return arena().at<std::atomic<std::uint64_t>>(arena().header().block_words)[id];
}

std::byte* block_data(BlockId id) noexcept {
  const std::uint64_t chunk = chunk_of(id);
  const Arena& mine = arena();
  std::byte* base = mine.base() + mine.header().chunks + chunk * kChunkSize;
  const std::uint32_t index = index_of(id);
  if (index == 0) return base;
  // relaxed: whoever may touch the block has its word, which came after the shape
  return base + (index - 1) * class_bytes(chunk_info(chunk).shape.load(std::memory_order_relaxed));
}

std::uint64_t block_capacity(BlockId id) noexcept {
  const std::uint32_t shape = chunk_info(chunk_of(id)).shape.load(std::memory_order_relaxed);
  return index_of(id) == 0 ? (shape & ~kSparse) * kChunkSize : class_bytes(shape);
}

std::uint8_t journal(BlockRef ref) noexcept {
  const int bit = take_bit(here().journal_free, kLongEntries);  // I5
  if (bit < 0) {
    // release: the mark precedes the claim that it covers
    here().slot->overflowed.store(1, std::memory_order_release);
    return 0xFF;
  }
  const auto entry = static_cast<std::uint8_t>(bit);
  journal_at(entry, ref);
  return entry;
}

void journal_at(std::uint8_t entry, BlockRef ref) noexcept {
  if (entry == 0xFF) return;
  JournalEntry& noted = entry_at(entry);
  // release each: a sweep must never meet the new block with the old intent
  noted.kind.store(static_cast<std::uint64_t>(PublishKind::none), std::memory_order_release);
  noted.block.store(ref.packed(), std::memory_order_release);
}

void unjournal(std::uint8_t entry) noexcept {
  // an empty entry: the number was given in the process that this one was forked from
  if (entry == 0xFF || entry_at(entry).block.load(std::memory_order_relaxed) == 0) return;
  entry_at(entry).block.store(0, std::memory_order_release);
  give_bit(here().journal_free, entry);
}

void note_intent(Block& block, PublishKind kind, Offset where, std::uint64_t extra) noexcept {
  if (block.entry == 0xFF) {
    int bit = take_bit(here().journal_free);
    // I5: an entry that serves intents alone comes free soon
    for (; bit < 0; bit = take_bit(here().journal_free)) sys::yield();
    block.entry = static_cast<std::uint8_t>(bit);
  }
  journal_at(block.entry, block.ref);
  JournalEntry& noted = entry_at(block.entry);
  noted.where.store(where, std::memory_order_relaxed);  // relaxed: `kind` commits them
  noted.extra.store(extra, std::memory_order_relaxed);
  noted.kind.store(static_cast<std::uint64_t>(kind), std::memory_order_release);
}

bool is_own(const Block& block) noexcept {
  const BlockWord word = look(block.ref.id);
  return word.owned_by(here().name) && word.sequence == block.ref.sequence;
}

void note_handles(Block& block) noexcept {
  BlockWord word = look(block.ref.id);
  BlockWord marked = word;
  marked.handles = true;
  (void)cas(block_word(block.ref.id), word, marked);  // ours: nobody else moves it
}

bool settle(Block& block) noexcept {
  const BlockWord word = look(block.ref.id);
  bool settled = false;
  if (word.state == BlockState::priv && word.sequence == block.ref.sequence &&
      word.owned_by(here().name)) {
    settled = cas(block_word(block.ref.id), word,
                  {BlockState::published, 0, 0, word.sequence, word.handles});
  }
  MULTIPROCESSING_CRASH_POINT("block.link.published");
  unjournal(block.entry);
  block = {};
  return settled;
}

bool is_linked(BlockRef ref) noexcept {
  const std::uint64_t used = arena().header().chunks_used.load(std::memory_order_acquire);
  if (chunk_of(ref.id) >= used) return false;
  const BlockWord word = look(ref.id);
  return (word.state == BlockState::priv || word.state == BlockState::published) &&
         word.sequence == ref.sequence;
}

bool link(Block& block, Location& location) noexcept {
  if (!look(block.ref.id).owned_by(here().name)) return false;  // a copy that a fork has made
  note_intent(block, PublishKind::location, arena().offset_of(&location), 0);
  MULTIPROCESSING_CRASH_POINT("block.link.noted");
  for (;;) {
    std::uint64_t held = 0;
    // release: [L]; the publish
    if (location.compare_exchange_strong(held, block.ref.packed(), std::memory_order_release,
                                         std::memory_order_acquire)) {
      MULTIPROCESSING_CRASH_POINT("block.link.linked");
      (void)settle(block);
      return true;
    }
    const BlockRef there = BlockRef::unpack(held);
    const BlockWord word = look(there.id);
    const bool left_over =
        word.state == BlockState::taken || word.sequence != there.sequence;  // I4
    if (!left_over) {
      if (location.load(std::memory_order_acquire) != held) continue;
      if (block.entry != 0xFF && (kLongEntries >> block.entry & 1U) == 0) {
        unjournal(block.entry);  // I5; the journal is marked as overflowed since the allocation
        block.entry = 0xFF;
      }
      return false;  // occupied
    }
    (void)empty_location(location, there);  // help a remover
  }
}

bool take(BlockRef ref, PublishKind kind, Offset where, std::uint64_t extra, Block& out) noexcept {
  Block block{ref, 0xFF};
  bool noted = false;
  for (;;) {
    const BlockWord word = look(ref.id);
    const bool takeable = (word.state == BlockState::priv || word.state == BlockState::published) &&
                          word.sequence == ref.sequence;
    if (!takeable) break;
    if (!noted) {
      block.entry = journal(ref);
      if (block.entry != 0xFF)
        note_intent(block, kind, where, extra);  // else: I4, a stale location
      noted = true;
    }
    MULTIPROCESSING_CRASH_POINT("block.take.noted");
    BlockWord taken = mine(BlockState::taken, ref.sequence);
    taken.handles = word.handles;
    if (cas(block_word(ref.id), word, taken)) {  // [L]; the publish
      MULTIPROCESSING_CRASH_POINT("block.take.taken");
      out = block;
      return true;
    }
    // moved on: perhaps only settled by its publisher, so look again
  }
  if (noted) unjournal(block.entry);
  return false;
}

Block unlink(Location& location) noexcept {
  for (;;) {
    const std::uint64_t held = location.load(std::memory_order_acquire);
    if (held == 0) return {};
    const BlockRef ref = BlockRef::unpack(held);
    const BlockWord word = look(ref.id);
    if (word.sequence != ref.sequence || word.state == BlockState::taken) {
      (void)empty_location(location, ref);  // I4: stale, or help; then look again
      continue;
    }
    Block block;
    if (!take(ref, PublishKind::location, arena().offset_of(&location), 0, block)) continue;
    (void)empty_location(location, ref);
    MULTIPROCESSING_CRASH_POINT("block.take.emptied");
    return block;
  }
}

void keep(Block& block) noexcept {
  const BlockWord word = look(block.ref.id);
  if (word.state != BlockState::taken) return;  // private already
  block.ref.sequence += 1;
  journal_at(block.entry,
             block.ref);  // the sweep goes by the block's word: either sequence is found
  BlockWord kept = mine(BlockState::priv, block.ref.sequence);
  kept.handles = word.handles;
  (void)cas(block_word(block.ref.id), word, kept);  // ours: nobody else moves it
}

void register_publish_kind(PublishKind kind, PublishedCheck check) noexcept {
  checks[static_cast<std::size_t>(kind)].store(check, std::memory_order_release);
}

bool intent_is_published(const JournalEntry& entry, BlockRef ref) noexcept {
  const std::uint64_t kind = entry.kind.load(std::memory_order_relaxed);
  const Offset where = entry.where.load(std::memory_order_relaxed);
  if (kind == static_cast<std::uint64_t>(PublishKind::none)) return false;
  if (kind == static_cast<std::uint64_t>(PublishKind::location)) {
    return arena().at<Location>(where)->load(std::memory_order_acquire) == ref.packed();
  }
  const PublishedCheck check = checks[kind].load(std::memory_order_acquire);
  return check != nullptr && check(where, entry.extra.load(std::memory_order_relaxed), ref);
}

}  // namespace multiprocessing::shm
