#include "shm/inspect.hpp"

#include <algorithm>
#include <array>

#include "shm/chunk.hpp"
#include "shm/slot_word.hpp"

namespace multiprocessing::shm {
namespace {

constexpr std::uint64_t kLeastObject = 128;  // a header and a payload

struct Describer {
  std::atomic<const char*> name{nullptr};
  std::atomic<Describe> describe{nullptr};
};
constinit std::array<Describer, static_cast<std::size_t>(ObjectKind::kinds)> describers{};

// Where an object lies, to tell who sleeps in it.
struct Extent {
  Offset begin = 0;
  Offset end = 0;
  std::size_t object = 0;
};

bool is_published(std::uint64_t word) noexcept {
  return BlockWord::unpack(word).state == BlockState::published;
}

void look_at_process(std::uint32_t index, Seen& seen) {
  Slot& slot = slot_at(index);
  const std::uint64_t word = slot.state.load(std::memory_order_acquire);
  const SlotState state = state_of(word);
  if (state != SlotState::live && state != SlotState::reaping) return;
  SeenProcess process;
  process.name = {index, generation_of(word)};
  process.parent = unpack_name(slot.parent.load(std::memory_order_relaxed));
  process.pid = static_cast<pid_t>(slot.pid.load(std::memory_order_relaxed));
  process.title = title_of(process.name);
  process.dead = state == SlotState::reaping || is_dead(process.name);
  if (slot.state.load(std::memory_order_acquire) != word) return;  // it has gone
  seen.processes.push_back(std::move(process));
}

void look_at_block(BlockId id, Seen& seen, std::vector<Extent>& extents) {
  const std::uint64_t word = block_word(id).load(std::memory_order_acquire);
  if (!is_published(word)) return;
  auto* object = block_as<ObjectHeader>(id);
  const BlockRef ref{id, BlockWord::unpack(word).sequence};
  const std::uint64_t state = object->word.load(std::memory_order_acquire);
  if (object->self != ref.packed() || (state & 3U) != 1) return;  // no object, or not live
  const auto kind = static_cast<std::size_t>(object->kind);
  if (kind >= describers.size()) return;
  const char* const name = describers[kind].name.load(std::memory_order_acquire);
  if (name == nullptr) return;
  SeenObject entry{.id = ref.packed(), .kind = name, .text = {}, .waiting = {}};
  if (const Describe describe = describers[kind].describe.load(std::memory_order_acquire)) {
    describe(*object, entry.text);
  }
  if (block_word(id).load(std::memory_order_acquire) != word) return;  // it has gone
  const Offset begin = arena().offset_of(object);
  extents.push_back({begin, begin + block_capacity(id), seen.objects.size()});
  seen.objects.push_back(std::move(entry));
}

void look_at_chunk(std::uint64_t chunk, Seen& seen, std::vector<Extent>& extents) {
  switch (chunk_state(chunk)) {
    case ChunkState::head:
      look_at_block(block_id(chunk, 0), seen, extents);
      break;
    case ChunkState::slab: {
      const std::uint32_t shape = chunk_info(chunk).shape.load(std::memory_order_relaxed);
      if (class_for(kLeastObject) > static_cast<int>(shape)) break;
      const std::uint32_t count = std::min(class_count(shape), kBlocksPerChunk - 1);
      for (std::uint32_t i = 1; i <= count; ++i) look_at_block(block_id(chunk, i), seen, extents);
      break;
    }
    default:
      break;
  }
}

void look_at_sleepers(Seen& seen, const std::vector<Extent>& extents) {
  for (const SeenProcess& process : seen.processes) {
    if (process.dead) continue;
    for (const SleepNote& note : slot_at(process.name.slot).notes) {
      const Offset word = note.word.load(std::memory_order_relaxed);
      if (word == 0) continue;
      const auto place = std::ranges::find_if(
          extents, [word](const Extent& e) { return e.begin <= word && word < e.end; });
      ObjectId object = 0;
      if (place != extents.end()) {
        seen.objects[place->object].waiting.push_back(process.name);
        object = seen.objects[place->object].id;
      }
      seen.sleepers.push_back({process.name, object});
    }
  }
}

}  // namespace

void register_describer(ObjectKind kind, const char* name, Describe describe) noexcept {
  Describer& entry = describers[static_cast<std::size_t>(kind)];
  entry.describe.store(describe, std::memory_order_release);
  entry.name.store(name, std::memory_order_release);
}

Seen inspect() {
  Seen seen;
  const ArenaHeader& header = arena().header();
  const std::uint64_t slots = header.slots_used.load(std::memory_order_acquire);
  for (std::uint32_t i = 0; i < slots; ++i) look_at_process(i, seen);
  std::vector<Extent> extents;
  const std::uint64_t chunks = header.chunks_used.load(std::memory_order_acquire);
  for (std::uint64_t i = 0; i < chunks; ++i) look_at_chunk(i, seen, extents);
  look_at_sleepers(seen, extents);
  return seen;
}

std::string person(Name name) {
  if (name.nobody()) return "nobody";
  const std::string title = title_of(name);
  const pid_t pid = pid_of(name);
  return (title.empty() ? "a process" : title) + " (pid " +
         (pid != 0 ? std::to_string(pid) : "unknown") + (is_live(name) ? ")" : ", ended)");
}

std::byte* linked(const Location& location, std::uint64_t bytes) noexcept {
  const BlockRef ref = BlockRef::unpack(location.load(std::memory_order_acquire));
  if (!ref || !is_linked(ref) || block_capacity(ref.id) < bytes) return nullptr;
  return block_data(ref.id);
}

}  // namespace multiprocessing::shm
