// What becomes of a dead process's slot. Every step is idempotent: if the sweeper dies, whoever
// finds reaping(v, dead sweeper) takes over and goes through all of them again.
//
// Only of a dead one: a sweeper that was stopped (SIGSTOP, a debugger) may go on at any
// instruction, also after its slot's next owner has written its own journal, notes and holds there,
// and several steps store where they found the dead one's mark (chunks, holds listed, notes). So
// nobody takes over from a live one. Until it goes on: the slot is not used again, what the dead
// one had is not freed, a barrier that it was in not broken. Others tell of the death; locks,
// semaphores and queues need no sweep.

#include <array>

#include "shm/chunk.hpp"
#include "shm/hold_list.hpp"
#include "shm/hook_list.hpp"
#include "shm/local.hpp"
#include "shm/object.hpp"
#include "shm/process_table.hpp"
#include "shm/slot_word.hpp"
#include "shm/watch.hpp"
#include "sys/crash_point.hpp"

namespace multiprocessing::shm {
namespace {

constinit HookList<SweepHook> hooks;

std::uint32_t slots_in_use() noexcept {
  return static_cast<std::uint32_t>(arena().header().slots_used.load(std::memory_order_acquire));
}

// The dead one's block becomes ours, and free. `taken`, whatever it was: a private block might be
// taken by somebody who still sees it at a location.
void free_block_of(Name dead, BlockId id) noexcept {
  std::atomic<std::uint64_t>& word = block_word(id);
  std::uint64_t seen = word.load(std::memory_order_acquire);
  const BlockWord before = BlockWord::unpack(seen);
  if (!before.owned_by(dead)) return;
  const Name me = here().name;
  const BlockRef ref{id, before.sequence};
  Block block{ref, journal(ref)};
  const BlockWord after{BlockState::taken, me.slot,
                        static_cast<std::uint32_t>(me.generation & 0xFFFU), before.sequence,
                        before.handles};
  if (word.compare_exchange_strong(seen, after.packed(), std::memory_order_acq_rel)) {
    release(block);
  } else {
    unjournal(block.entry);
  }
}

// Completes a publish that happened, empties a location that was being emptied, frees the rest.
// Entries of the block's present incarnation go first (`exact`): one of an earlier incarnation may
// be left over from a thread that died between freeing the block and clearing the entry.
void sweep_entry(Name dead, const JournalEntry& entry, bool exact) noexcept {
  const BlockRef ref = BlockRef::unpack(entry.block.load(std::memory_order_acquire));
  if (!ref) return;
  std::atomic<std::uint64_t>& word = block_word(ref.id);
  std::uint64_t seen = word.load(std::memory_order_acquire);
  const BlockWord now = BlockWord::unpack(seen);
  if (now.state == BlockState::free) show_free(ref.id);  // it may have died before it did
  if (!now.owned_by(dead)) return;
  const bool same = now.sequence == ref.sequence;
  if (exact && !same) return;
  if (same && now.state == BlockState::priv && intent_is_published(entry, ref)) {
    const BlockWord settled{BlockState::published, 0, 0, now.sequence, now.handles};
    (void)word.compare_exchange_strong(seen, settled.packed(), std::memory_order_acq_rel);
    return;
  }
  const auto location = static_cast<std::uint64_t>(PublishKind::location);
  if (same && now.state == BlockState::taken &&
      entry.kind.load(std::memory_order_relaxed) == location) {
    std::uint64_t held = ref.packed();
    (void)arena()
        .at<Location>(entry.where.load(std::memory_order_relaxed))
        ->compare_exchange_strong(held, 0, std::memory_order_acq_rel);
  }
  free_block_of(dead, ref.id);
}

// The journal ran over: look at every block there is.
void sweep_every_block(Name dead) noexcept {
  const std::uint64_t used = arena().header().chunks_used.load(std::memory_order_acquire);
  for (std::uint64_t chunk = 1; chunk < used; ++chunk) {
    const ChunkState state = chunk_state(chunk);
    if (state == ChunkState::head) free_block_of(dead, block_id(chunk, 0));
    if (state != ChunkState::slab && state != ChunkState::retiring) continue;
    const std::uint32_t count =
        class_count(chunk_info(chunk).shape.load(std::memory_order_relaxed));
    for (std::uint32_t i = 1; i <= count; ++i) free_block_of(dead, block_id(chunk, i));
    show_free(block_id(chunk, 1));  // it may have died before it did
  }
}

bool somebody_inherits(Name name) noexcept {
  const std::uint64_t packed = pack_name(name);
  for (std::uint32_t i = 0; i < slots_in_use(); ++i) {
    const std::uint64_t word = slot_at(i).state.load(std::memory_order_acquire);
    if (state_of(word) == SlotState::free || i == name.slot) continue;
    if (slot_at(i).inherits.load(std::memory_order_acquire) == packed) return true;
  }
  return false;
}

// Those who wait for an heir to go look again (hold.cpp).
void count_end() noexcept {
  arena().header().family_words[kSweepsEnded].fetch_add(1, std::memory_order_acq_rel);
}

void end_sweep(Name dead, std::uint64_t reaping);

// A husk whose last inheritor has gone lets its holds go, too.
void finish_husk(Name name) noexcept {
  if (name.nobody() || somebody_inherits(name)) return;
  std::uint64_t word = pack_state(SlotState::husk, 0, name.generation);
  const std::uint64_t reaping = pack_state(SlotState::reaping, here().name.slot, name.generation);
  if (slot_at(name.slot).state.compare_exchange_strong(word, reaping, std::memory_order_acq_rel)) {
    end_sweep(name, reaping);
  }
}

void end_sweep(Name dead, std::uint64_t reaping) {
  Slot& slot = slot_at(dead.slot);
  release_single_holds(dead, slot);
  if (somebody_inherits(dead)) {
    (void)slot.state.compare_exchange_strong(
        reaping, pack_state(SlotState::husk, 0, dead.generation), std::memory_order_acq_rel);
    if (!somebody_inherits(dead)) finish_husk(dead);  // the last one went meanwhile
    return;
  }
  release_hold_list(dead, slot);
  MULTIPROCESSING_CRASH_POINT("sweep.holds");
  const Name inherited = unpack_name(slot.inherits.load(std::memory_order_acquire));
  slot.inherits.store(0, std::memory_order_release);
  count_end();
  MULTIPROCESSING_CRASH_POINT("sweep.end");
  (void)slot.state.compare_exchange_strong(reaping, pack_state(SlotState::free, 0, dead.generation),
                                           std::memory_order_acq_rel);
  count_end();
  finish_husk(inherited);
}

void take_over_sweeps_of(Name dead) noexcept {
  for (std::uint32_t i = 0; i < slots_in_use(); ++i) {
    const std::uint64_t word = slot_at(i).state.load(std::memory_order_acquire);
    if (state_of(word) == SlotState::reaping && sweeper_of(word) == dead.slot) {
      (void)bury_if_dead({i, generation_of(word)});
    }
  }
}

// Once in each process for each sweep that it finds another one at: that one may have been stopped
// before it told anybody, and what else it does nobody else may do meanwhile. A wake-up too many
// does no harm.
void announce_death_for(Name dead, std::uint64_t reaping) noexcept {
  static constinit std::atomic<std::uint64_t> announced{0};
  const std::uint64_t sweep = reaping ^ (std::uint64_t{dead.slot} << 48U);
  // relaxed: nothing else is seen by it
  if (announced.exchange(sweep, std::memory_order_relaxed) != sweep) announce_death();
}

void sweep(Name dead, std::uint64_t reaping) noexcept {
  Slot& slot = slot_at(dead.slot);
  MULTIPROCESSING_CRASH_POINT("sweep.begun");
  announce_death();
  MULTIPROCESSING_CRASH_POINT("sweep.woken");
  hooks.call(dead, slot);
  sweep_chunks(dead, slot);
  for (const JournalEntry& entry : slot.journal) sweep_entry(dead, entry, true);
  for (JournalEntry& entry : slot.journal) {
    sweep_entry(dead, entry, false);
    entry.block.store(0, std::memory_order_release);
  }
  if (slot.overflowed.load(std::memory_order_acquire) != 0) sweep_every_block(dead);
  MULTIPROCESSING_CRASH_POINT("sweep.journal");
  take_over_sweeps_of(dead);
  for (std::atomic<std::uint64_t>& note : slot.drops) {
    const ObjectId object = note.load(std::memory_order_acquire);
    if (object != 0) finish_drop(dead, object);
    note.store(0, std::memory_order_release);
  }
  for (SleepNote& note : slot.notes) note.word.store(0, std::memory_order_release);
  end_sweep(dead, reaping);
}

}  // namespace

void register_sweep_hook(SweepHook hook) noexcept {
  hooks.add(hook);
}

bool bury_if_dead(Name name) noexcept {
  if (name.nobody() || name.slot >= arena().header().slot_count) return true;
  const Name me = self();
  Slot& slot = slot_at(name.slot);
  std::uint64_t word = slot.state.load(std::memory_order_acquire);
  if (generation_of(word) != name.generation) return true;
  switch (state_of(word)) {
    case SlotState::free:
    case SlotState::husk:
      return true;
    case SlotState::live:
      if (!is_dead(name)) return false;
      break;
    case SlotState::reaping: {
      const std::uint32_t sweeper = sweeper_of(word);
      if (sweeper == me.slot) return true;  // another thread, or a caller of ours, is at it
      const std::uint64_t its = slot_at(sweeper).state.load(std::memory_order_acquire);
      if (state_of(its) == SlotState::live && !is_dead({sweeper, generation_of(its)})) {
        announce_death_for(name, word);
        return true;
      }
    }
  }
  const std::uint64_t reaping = pack_state(SlotState::reaping, me.slot, name.generation);
  if (slot.state.compare_exchange_strong(word, reaping, std::memory_order_acq_rel)) {
    sweep(name, reaping);
  }
  return true;
}

int bury_the_dead() noexcept {
  int buried = 0;
  const Name me = self();
  for (std::uint32_t i = 0; i < slots_in_use(); ++i) {
    const std::uint64_t word = slot_at(i).state.load(std::memory_order_acquire);
    const SlotState state = state_of(word);
    if (i == me.slot || state == SlotState::free) continue;
    if (state == SlotState::husk) {
      finish_husk({i, generation_of(word)});  // its last heir's sweeper may have died before that
      continue;
    }
    if (bury_if_dead({i, generation_of(word)})) ++buried;
  }
  return buried;
}

}  // namespace multiprocessing::shm
