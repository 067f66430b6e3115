#pragma once

// What this room lays into the arena, for its layout id (shm/layout.hpp).

#include "shm/arena.hpp"
#include "shm/bell.hpp"
#include "shm/block.hpp"
#include "shm/chunk.hpp"
#include "shm/hold_page.hpp"
#include "shm/layout.hpp"
#include "shm/object.hpp"
#include "shm/process_table.hpp"

namespace multiprocessing::shm {

inline constexpr std::uint64_t kArenaLayout = []() consteval {
  Layout layout("shm", 1);
  layout
      .structure(MULTIPROCESSING_STRUCTURE(ArenaHeader, magic, layout_id, size, limit, slot_count,
                                           chunk_count, slots, chunk_words, chunk_infos,
                                           block_words, chunks, warm_limit, slots_used, chunks_used,
                                           warm_chunks, pools, deaths, seat, family_words))
      .structure(MULTIPROCESSING_STRUCTURE(Slot, state, pid, flags, start_time, parent, inherits,
                                           exit_status, checked_at, hold_list, overflowed,
                                           chunk_note, inherit_index, title, notes, drops, journal,
                                           intents, bells, reserved))
      .structure(MULTIPROCESSING_STRUCTURE(SleepNote, word, epoch, is_long, bell))
      .structure(MULTIPROCESSING_STRUCTURE(JournalEntry, block, where, extra, kind))
      .structure(MULTIPROCESSING_STRUCTURE(ChunkInfo, shape, has_free, maker))
      .structure(MULTIPROCESSING_STRUCTURE(HoldPage, next, entries))
      .structure(MULTIPROCESSING_STRUCTURE(ObjectHeader, word, kind, reserved, holders, more, self))
      .structure(MULTIPROCESSING_STRUCTURE(Message, size, handles, tag))
      .number(BlockRef{1, 2}.packed())
      .number(BlockWord{BlockState::taken, 1, 2, 3, true}.packed())
      .number(message_bytes(1, 1))
      .number(kChunkSize)
      .number(kBlocksPerChunk)
      .number(kGenerationBits)
      .number(kBellFlag)
      .number(static_cast<std::uint64_t>(ChunkState::retiring))
      .number(kWasCold)
      .number(static_cast<std::uint64_t>(SlotState::husk))
      .number(static_cast<std::uint64_t>(PublishKind::kinds))
      .number(static_cast<std::uint64_t>(ObjectKind::kinds));
  for (const std::uint32_t bytes : kClasses) layout.number(bytes);
  return layout.value();
}();

}  // namespace multiprocessing::shm
