#include "shm/object.hpp"

#include <array>

#include "shm/chunk.hpp"
#include "shm/hold_list.hpp"
#include "shm/local.hpp"
#include "shm/slot_word.hpp"
#include "sys/clock.hpp"
#include "sys/crash_point.hpp"

namespace multiprocessing::shm {
namespace {

constexpr std::uint64_t kLive = 1;
constexpr std::uint64_t kDying = 2;
constexpr std::uint64_t kProcess = 1;
constexpr std::uint64_t kBlock = 2;
constexpr std::size_t kMoreHolders = 30;
constexpr std::uint64_t kGeneration46 = (std::uint64_t{1} << 46U) - 1;

// Further holders of one object: linked at `more` once, there until the object goes.
struct HolderPage {
  Location next;
  std::array<std::atomic<std::uint64_t>, kMoreHolders> holders;
};

using PerKind = std::array<std::atomic<Destroy>, static_cast<std::size_t>(ObjectKind::kinds)>;
PerKind destroyers{};
PerKind bereavements{};

Destroy of_kind(const PerKind& all, ObjectKind kind) noexcept {
  const auto index = static_cast<std::size_t>(kind);
  return all[index < all.size() ? index : 0].load(std::memory_order_acquire);
}

constexpr std::uint64_t kIncarnation = 0x3FFFFFFC;

// A live word names the block's sequence, so that a destroyer that looked at an earlier object in
// the same block cannot take this one for it.
std::uint64_t live_word(std::uint32_t sequence) noexcept {
  return kLive | (std::uint64_t{sequence} << 2U & kIncarnation);
}
bool is_live_word(std::uint64_t word, ObjectId id) noexcept {
  return (word & (kIncarnation | 3U)) == live_word(BlockRef::unpack(id).sequence);
}
std::uint64_t dying_word(Name by, std::uint64_t count) noexcept {
  return kDying | std::uint64_t{by.slot} << 2U | (by.generation & 0xFFFU) << 18U | count << 32U;
}
bool dying_by(std::uint64_t word, Name name) noexcept {
  return (word & 3U) == kDying && ((word >> 2U) & 0xFFFFU) == name.slot &&
         ((word >> 18U) & 0xFFFU) == (name.generation & 0xFFFU);
}

Name holder_process(std::uint64_t holder) noexcept {
  return {static_cast<std::uint32_t>((holder >> 2U) & 0xFFFFU), holder >> 18U};
}

// The holder's process has not been swept, or its block is in that incarnation.
bool holder_lives(std::uint64_t holder) noexcept {
  if (holder == 0) return false;
  if ((holder & 3U) == kProcess) {
    return is_present(holder_process(holder));
  }
  const auto id = static_cast<BlockId>((holder >> 2U) & 0xFFFFFFFFU);
  if (chunk_of(id) >= arena().header().chunks_used.load(std::memory_order_acquire)) return false;
  const BlockWord word = BlockWord::unpack(block_word(id).load(std::memory_order_seq_cst));
  return word.state != BlockState::free && (word.sequence & 0x3FFFFFFFU) == holder >> 34U;
}

// Calls visit(entry) for each holder entry until it returns true.
template <class F>
bool any_entry(ObjectHeader& object, F visit) noexcept {
  for (auto& entry : object.holders) {
    if (visit(entry)) return true;
  }
  Location* next = &object.more;
  for (;;) {
    const BlockRef ref = BlockRef::unpack(next->load(std::memory_order_acquire));
    if (!ref || !is_linked(ref)) break;  // the end, or the object is gone and this is a stale look
    auto* page = block_as<HolderPage>(ref.id);
    for (auto& entry : page->holders) {
      if (visit(entry)) return true;
    }
    next = &page->next;
  }
  return false;
}

void add_holder_page(ObjectHeader& object) {
  OwnedBlock page(allocate(sizeof(HolderPage)));
  auto* fresh = new (page.get().data()) HolderPage{};
  (void)fresh;
  Location* next = &object.more;
  while (!link(page.get(), *next)) {
    next = &block_as<HolderPage>(BlockRef::unpack(next->load(std::memory_order_acquire)).id)->next;
  }
}

bool place_entry(ObjectHeader& object, std::uint64_t holder) noexcept {
  return any_entry(object, [holder](std::atomic<std::uint64_t>& entry) {
    std::uint64_t empty = entry.load(std::memory_order_relaxed);
    // an entry whose holder is gone for good may be reused like an empty one
    if (empty != 0 && holder_lives(empty)) return false;
    return entry.compare_exchange_strong(empty, holder, std::memory_order_seq_cst);  // [H]
  });
}

void remove_entry(ObjectHeader& object, std::uint64_t holder) noexcept {
  (void)any_entry(object, [holder](std::atomic<std::uint64_t>& entry) {
    std::uint64_t mine = holder;
    return entry.compare_exchange_strong(mine, 0, std::memory_order_seq_cst);
  });
}

// Frees a dying object: what it owns, its holder pages, its own block. Resumable.
void destroy(ObjectHeader& object, ObjectId id) noexcept {
  MULTIPROCESSING_CRASH_POINT("object.drop.dying");
  if (const Destroy destroyer = of_kind(destroyers, object.kind)) destroyer(object);
  MULTIPROCESSING_CRASH_POINT("object.drop.destroyed");
  release_chain<HolderPage>(object.more);
  Block own;
  if (take(BlockRef::unpack(id), PublishKind::none, 0, 0, own)) release(own);
}

// dying(dead) -> dying(me), then destroyed: its destroyer may have died without a note of it.
void take_over_if_dying(ObjectHeader& object, ObjectId id, std::uint64_t word) noexcept {
  if ((word & 3U) != kDying) return;
  const auto slot = static_cast<std::uint32_t>((word >> 2U) & 0xFFFFU);
  const std::uint64_t state = slot_at(slot).state.load(std::memory_order_acquire);
  const bool same = ((generation_of(state) ^ (word >> 18U)) & 0xFFFU) == 0;
  if (same && state_of(state) == SlotState::live) return;
  if (object.word.compare_exchange_strong(word, dying_word(here().name, word >> 32U),
                                          std::memory_order_acq_rel)) {
    destroy(object, id);
  }
}

// The object's word, and not what stands there if the block was freed since the object was found
// (I5); 0: it was.
std::uint64_t word_of(const ObjectHeader& object, ObjectId id) noexcept {
  MULTIPROCESSING_CRASH_POINT("object.look.found");
  const std::uint64_t word = object.word.load(std::memory_order_seq_cst);  // [H]
  return find_object(id, ObjectKind::none) != nullptr ? word : 0;
}

// Nobody lives among the holders: live(n) -> dying(me), then destroyed.
void destroy_if_unheld(ObjectId id) noexcept {
  ObjectHeader* object = find_object(id, ObjectKind::none);
  if (object == nullptr) return;
  std::uint64_t word = word_of(*object, id);
  if (!is_live_word(word, id)) {
    take_over_if_dying(*object, id, word);
    return;
  }
  const bool held = any_entry(*object, [](std::atomic<std::uint64_t>& entry) {
    return holder_lives(entry.load(std::memory_order_seq_cst));  // [H]
  });
  if (held) return;
  MULTIPROCESSING_CRASH_POINT("object.drop.scanned");
  const Name me = here().name;
  // seq_cst: [H]; the publish, I1
  if (object->word.compare_exchange_strong(word, dying_word(me, word >> 32U),
                                           std::memory_order_seq_cst)) {
    destroy(*object, id);
  }
}

// How deep this thread is in drops: that of a container drops what is in it. A level of queues
// takes some 2 KiB of stack.
thread_local int drops_under_way = 0;
constexpr int kDeepest = 8;

// Threads that drop at the same time wait for a note. A drop inside another one goes without, if it
// must: what a death leaves of it, whoever finishes the outer one finds.
int note_drop(ObjectId id) noexcept {
  int bit = take_bit(here().drops_free);
  while (bit < 0 && drops_under_way == 0) {
    sys::yield();
    bit = take_bit(here().drops_free);
  }
  ++drops_under_way;
  if (bit >= 0) here().slot->drops[bit].store(id, std::memory_order_seq_cst);
  MULTIPROCESSING_CRASH_POINT("object.drop.noted");
  return bit;
}

// Messages whose release this thread has put off, chained through `size`, which nobody reads of a
// taken one but its taker; 0: none. Their journal entries are in `tag`.
thread_local std::uint64_t first_put_off = 0;
thread_local bool making_up = false;

void make_up() noexcept {
  if (making_up || first_put_off == 0) return;
  making_up = true;
  while (first_put_off != 0) {
    const BlockRef ref = BlockRef::unpack(first_put_off);
    const auto* message = block_as<Message>(ref.id);
    first_put_off = message->size;
    Block block{ref, static_cast<std::uint8_t>(message->tag)};
    MULTIPROCESSING_CRASH_POINT("message.made_up");
    release(block);
  }
  making_up = false;
}

void clear_drop(int bit) noexcept {
  --drops_under_way;
  if (bit >= 0) {
    here().slot->drops[bit].store(0, std::memory_order_release);
    give_bit(here().drops_free, bit);
  }
  if (drops_under_way == 0) make_up();
}

}  // namespace

bool put_off(Block& block) noexcept {
  if (drops_under_way < kDeepest) return false;
  auto* message = block_as<Message>(block.ref.id);
  message->size = first_put_off;
  message->tag = block.entry;
  first_put_off = block.ref.packed();
  block = {};
  MULTIPROCESSING_CRASH_POINT("message.put_off");
  return true;
}

void register_kind(ObjectKind kind, Destroy destroyer) noexcept {
  destroyers[static_cast<std::size_t>(kind)].store(destroyer, std::memory_order_release);
}

bool knows_kind(ObjectKind kind) noexcept {
  return destroyers[static_cast<std::size_t>(kind)].load(std::memory_order_acquire) != nullptr;
}

void register_bereavement(ObjectKind kind, Destroy bereave) noexcept {
  bereavements[static_cast<std::size_t>(kind)].store(bereave, std::memory_order_release);
}

void bereave(Name dead, ObjectId id) noexcept {
  ObjectHeader* object = find_object(id, ObjectKind::none);
  if (object == nullptr) return;
  const Destroy bereavement = of_kind(bereavements, object->kind);
  if (bereavement != nullptr && keep_hold(id, process_holder(dead))) bereavement(*object);
}

std::uint64_t process_holder(Name name) noexcept {
  return kProcess | std::uint64_t{name.slot} << 2U | (name.generation & kGeneration46) << 18U;
}
std::uint64_t block_holder(BlockRef ref) noexcept {
  return kBlock | std::uint64_t{ref.id} << 2U | std::uint64_t{ref.sequence & 0x3FFFFFFFU} << 34U;
}

ObjectHeader* find_object(ObjectId id, ObjectKind kind) noexcept {
  const BlockRef ref = BlockRef::unpack(id);
  if (!ref || chunk_of(ref.id) >= arena().header().chunks_used.load(std::memory_order_acquire)) {
    return nullptr;
  }
  const BlockWord word = BlockWord::unpack(block_word(ref.id).load(std::memory_order_acquire));
  if (word.state == BlockState::free || word.sequence != ref.sequence) return nullptr;
  auto* object = block_as<ObjectHeader>(ref.id);
  return kind == ObjectKind::none || object->kind == kind ? object : nullptr;
}

Held look_for_the_living(ObjectId id) noexcept {
  ObjectHeader* object = find_object(id, ObjectKind::none);
  if (object == nullptr) return Held::by_nobody;
  Held held = Held::by_nobody;
  const bool by_a_process = any_entry(*object, [&held](std::atomic<std::uint64_t>& entry) {
    const std::uint64_t holder = entry.load(std::memory_order_acquire);
    if (!holder_lives(holder)) return false;
    if ((holder & 3U) == kProcess) return !bury_if_dead(holder_process(holder));
    held = Held::in_a_message;
    return false;
  });
  return by_a_process ? Held::by_a_process : held;
}

std::vector<Name> living_holders(ObjectId id) {
  std::vector<Name> holders;
  ObjectHeader* object = find_object(id, ObjectKind::none);
  if (object == nullptr) return holders;
  (void)any_entry(*object, [&holders](std::atomic<std::uint64_t>& entry) {
    const std::uint64_t holder = entry.load(std::memory_order_acquire);
    if ((holder & 3U) != kProcess || !holder_lives(holder)) return false;
    const Name name = holder_process(holder);
    if (!bury_if_dead(name)) holders.push_back(name);
    return false;
  });
  return holders;
}

ObjectId id_of(const ObjectHeader* object) noexcept {
  return object->self;
}

bool enter_hold(ObjectId id, std::uint64_t holder) {
  ObjectHeader* object = find_object(id, ObjectKind::none);
  if (object == nullptr) return false;
  while (!place_entry(*object, holder)) add_holder_page(*object);
  MULTIPROCESSING_CRASH_POINT("object.enter.entered");
  std::uint64_t word = object->word.load(std::memory_order_seq_cst);
  while (is_live_word(word, id)) {
    // seq_cst: [H]; a destroyer that scanned before our entry finds another count
    if (object->word.compare_exchange_weak(word, word + (std::uint64_t{1} << 32U),
                                           std::memory_order_seq_cst)) {
      MULTIPROCESSING_CRASH_POINT("object.enter.counted");
      return true;
    }
  }
  remove_entry(*object, holder);
  return false;
}

bool keep_hold(ObjectId id, std::uint64_t holder) noexcept {
  ObjectHeader* object = find_object(id, ObjectKind::none);
  if (object == nullptr) return false;
  const bool entered = any_entry(*object, [holder](std::atomic<std::uint64_t>& entry) {
    return entry.load(std::memory_order_seq_cst) == holder;
  });
  // seq_cst: [H]; a destroyer that scanned before the entry was made finds another count
  std::uint64_t word = word_of(*object, id);
  while (entered && is_live_word(word, id)) {
    if (object->word.compare_exchange_weak(word, word + (std::uint64_t{1} << 32U),
                                           std::memory_order_seq_cst)) {
      return true;
    }
  }
  return false;
}

void leave_hold(ObjectId id, std::uint64_t holder) noexcept {
  ObjectHeader* object = find_object(id, ObjectKind::none);
  if (object == nullptr) return;
  const int note = note_drop(id);
  remove_entry(*object, holder);
  MULTIPROCESSING_CRASH_POINT("object.drop.removed");
  destroy_if_unheld(id);
  clear_drop(note);
}

void finish_drop(Name dead, ObjectId id) noexcept {
  ObjectHeader* object = find_object(id, ObjectKind::none);
  if (object == nullptr) return;
  const int note = note_drop(id);
  std::uint64_t word = word_of(*object, id);
  if (dying_by(word, dead)) {
    if (object->word.compare_exchange_strong(word, dying_word(here().name, word >> 32U),
                                             std::memory_order_seq_cst)) {
      destroy(*object, id);
    }
  } else {
    destroy_if_unheld(id);
  }
  clear_drop(note);
}

LocalHold* create_object(ObjectKind kind, std::uint64_t bytes,
                         void (*prepare)(void* payload, const void* arg), const void* arg,
                         bool sparse) {
  OwnedBlock block(allocate(sizeof(ObjectHeader) + bytes, sparse));
  auto* object = new (block.get().data()) ObjectHeader{};
  const ObjectId id = block.get().ref.packed();
  object->kind = kind;
  object->self = id;
  prepare(object + 1, arg);
  object->holders[0].store(process_holder(here().name), std::memory_order_relaxed);
  object->word.store(live_word(BlockRef::unpack(id).sequence),
                     std::memory_order_relaxed);  // relaxed: `settle` publishes
  LocalHold* held = adopt_created(id, object);    // listed before it is published
  MULTIPROCESSING_CRASH_POINT("object.create.listed");
  Block own = block.let_go();
  (void)settle(own);
  MULTIPROCESSING_CRASH_POINT("object.create.published");
  return held;
}

}  // namespace multiprocessing::shm
