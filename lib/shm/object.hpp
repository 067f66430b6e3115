#pragma once

// Shared objects and who holds them.
//
// Layout: every object is one published block that begins with this header (64 bytes)
//
//   0   word      bits 0..1 live=1 dying=2; live: 2..29 the block's sequence; dying: 2..17 the
//                 destroyer's slot, 18..29 its generation's low 12 bits; 32..63 count of entries
//   8   kind      ObjectKind, bytes of payload
//   16  holders   4 x holder: process (slot, generation) or block (id, sequence); 0 = empty
//   48  more      location of a block with further holders
//   56  self      the object's id
//
//      create            no live holder: CAS on the exact word              free
//   ---------> live(n) -----------------------------------> dying(me) ---------> (block freed)
//                | ^ enter: entry, then n+1
//                +-+
// Invariants
//   I1  An object with a live holder is never dying: the destroyer's CAS fails if an entry was made
//       since it read the word, and it scans between.
//   I2  A new hold is entered by somebody who has one, before the old one is dropped.
//   I3  A process lists each hold in its own hold list before the object's entry exists.
//   I4  `destroy` of a kind is idempotent: it may be run again from the start by a sweeper.
//   I5  Who does not hold the object may find its block reused after any step: it trusts a word
//   only
//       if it finds the object again after reading it. The word has changed before a block is
//       freed, so no exchange that expects such a word succeeds on a later owner's bytes, unless
//       those are the same 64 bits.
// Ordering
//   [H] entry (seq_cst) then count (seq_cst) -> word read, then scan (seq_cst)
// Death (protocols, section 2)
//   before the entry              nothing (the list entry is dropped by the sweep)
//   entry, before the count       the entry is there; a scan sees it; the sweep drops it
//   drop noted, entry removed     the sweep runs the scan for the dead one
//   release put off               the block is still taken(dead): the sweep releases it
//   dying(dead)                   the sweep takes dying over by CAS and destroys again
//   heir listed or entered, no    the heir's slot is swept like any dead one: its list says what
//   fork                          was entered for it
// Points: object.look.found, object.create.listed .published, object.enter.listed .entered
//   .counted, object.drop.noted .removed .scanned .dying .destroyed, object.heir.listed .entered,
//   message.marked .held .dropped .put_off .made_up

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "shm/block.hpp"
#include "shm/name.hpp"

namespace multiprocessing::shm {

enum class ObjectKind : std::uint32_t {
  none,
  lock,
  rlock,
  semaphore,
  condition,
  event,
  barrier,
  value,
  array,
  shared,
  queue,
  dict,
  list,
  set,
  ns,
  connection,
  future,
  pool,
  process,
  descriptor,
  bell,
  test,
  kinds
};

struct alignas(64) ObjectHeader {
  std::atomic<std::uint64_t> word;
  ObjectKind kind;
  std::uint32_t reserved;
  std::atomic<std::uint64_t> holders[4];
  Location more;
  std::uint64_t self;  // the object's id
};
static_assert(sizeof(ObjectHeader) == 64, "an object's payload starts at byte 64 of its block");

/// Frees what the object owns besides its own block (sub-blocks by `unlink` + `release`, which are
/// resumable). May run again after a death. Must not throw or block.
using Destroy = void (*)(ObjectHeader& object) noexcept;
void register_kind(ObjectKind kind, Destroy destroy) noexcept;
/// Whether this program has been linked with what registers the kind.
bool knows_kind(ObjectKind kind) noexcept;
/// For kinds that are held one by one: what a sweep does to an object before it drops the hold of a
/// dead process, which keeps the object meanwhile. Like Destroy in all else.
void register_bereavement(ObjectKind kind, Destroy bereave) noexcept;

/// A handle's identity: the object's block and its sequence. 0: no object.
using ObjectId = std::uint64_t;  // BlockRef::packed()

/// This process's hold on one object, with the count of its handles. Plain heap memory.
struct LocalHold {
  std::atomic<std::uint64_t> count;
  ObjectId id;
  ObjectHeader* object;
  Name holder;               // who entered the hold: this process, or the one it was forked from
  std::uint64_t fork_index;  // forks of this process before the hold was entered
  std::uint64_t drop_index;  // and before it was dropped, if a child has it on
  std::uint32_t list_index;  // in the own hold list
  bool single;               // held one by one
};

/// Makes an object whose payload of `bytes` follows the header, zeroed by `prepare` (which must
/// leave it valid: nothing in it yet), held by this process, published. One count is the caller's.
/// \throws ArenaExhausted
LocalHold* create_object(ObjectKind kind, std::uint64_t bytes,
                         void (*prepare)(void* payload, const void* arg), const void* arg,
                         bool sparse = false);

/// The object's header; nullptr if it is gone (or never was, or has another kind).
ObjectHeader* find_object(ObjectId id, ObjectKind kind) noexcept;

/// Objects whose last holder's going must be noticed at once: the ends of connections. A forked
/// child has holds of its own on them, entered before the fork, where the holds on all others
/// stay its parent's until the child has ended.
constexpr bool held_one_by_one(ObjectKind kind) noexcept {
  return kind == ObjectKind::connection;
}
enum class Held : std::uint8_t { by_a_process, in_a_message, by_nobody };
/// Who holds the object. Asks the kernel for each process up to the first living one, and buries
/// the dead before it, so that the object may be gone afterwards. A guess about one that passes
/// from holder to holder meanwhile.
Held look_for_the_living(ObjectId id) noexcept;
/// The living processes that hold the object; buries the dead ones.
std::vector<Name> living_holders(ObjectId id);
template <class T>
T* payload(ObjectHeader* object) noexcept {
  return reinterpret_cast<T*>(object + 1);
}
ObjectId id_of(const ObjectHeader* object) noexcept;

/// Adds a count to the process's hold on `id`, entering it first if there is none. nullptr: the
/// object is gone. Requires that somebody's hold lives meanwhile (I2), e.g. a taken message's.
LocalHold* hold(ObjectId id);
/// Another count; requires one.
inline void hold_again(LocalHold* held) noexcept {
  // relaxed: whoever copies a handle has one, so nothing needs to be seen
  held->count.fetch_add(1, std::memory_order_relaxed);
}
/// Drops a count; the last one leaves the object (or, while a forked child that inherited this
/// hold lives, leaves it when that child is gone; not so where each process has its own).
void drop(LocalHold* held) noexcept;
/// Before the end of the process, so that others need not find it dead first: leaves what is held
/// one by one, whoever still has handles to it.
void leave_single_holds() noexcept;
/// False in a forked child for what it was not given of its parent's (`held_one_by_one`).
bool is_held_here(const LocalHold& held) noexcept;

/// Forks that this process has made.
std::uint64_t forks_so_far() noexcept;
/// A child may live, one that runs what the program tells it, that this process has forked after it
/// had made `entered` forks and before it had made `dropped`: it may have what was there meanwhile.
bool has_heir(std::uint64_t entered, std::uint64_t dropped) noexcept;

// Handles inside blocks (messages, nodes of containers). A block whose payload begins with Message:
struct Message {
  std::uint64_t size;     // of the bytes that follow the handles
  std::uint32_t handles;  // ObjectIds that follow this header
  std::uint32_t tag;      // free for the upper floor
  [[nodiscard]] ObjectId* ids() noexcept { return reinterpret_cast<ObjectId*>(this + 1); }
  [[nodiscard]] std::byte* bytes() noexcept {
    return reinterpret_cast<std::byte*>(ids() + ((handles + 7U) & ~7U)) + 48;
  }  // 64-byte aligned relative to the block: 16 + 8*k*8 + 48
};
static_assert(sizeof(Message) == 16);
inline constexpr std::uint64_t message_bytes(std::uint64_t size, std::uint64_t handles) {
  return 64 + ((handles + 7U) & ~std::uint64_t{7}) * 8 + size;
}

/// Allocates a private block with a Message of `size` bytes and the handles entered as held by the
/// block. The caller fills bytes() and publishes the block (link, or a lane's tail).
/// \throws ArenaExhausted, ValueError if a handle is gone
Block make_message(std::uint64_t size, std::span<const ObjectId> handles, bool sparse = false);
/// Releases an owned block that begins with a Message, dropping the holds that it lists.
void release_message(Block& block) noexcept;

/// Drops what an owned block with a Message holds (part of `release`).
void drop_handles(Block& block) noexcept;
/// Keeps a taken block with a Message for the end of the outermost drop of this thread, if there
/// are so many under way that the stack would suffer: objects may be nested to any depth. False:
/// there are not.
bool put_off(Block& block) noexcept;
/// The hold of an object that this process is about to publish. \throws ArenaExhausted
LocalHold* adopt_created(ObjectId id, ObjectHeader* object);

/// Objects that this process holds now, for tests.
std::size_t held_objects() noexcept;

}  // namespace multiprocessing::shm
