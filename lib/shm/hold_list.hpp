#pragma once

// What a process holds, listed where a sweep finds it.
//
// Layout: pages (blocks of 4 KiB) chained from the slot's `hold_list`
//
//   0    next      location of the next page
//   8    entries   511 x ObjectId, 0 = unused
//
// Invariants
//   P1  A process writes its own pages only, and before a child's birth the first ones of it; a
//       sweep reads them after its death.
//   P2  An id is listed before the object's entry exists and removed after it is gone.
// Death: pages of the dead are read by the sweep (each hold dropped, then its entry cleared, so a
// second sweeper goes on where the first died), then unlinked and freed one by one.

#include <span>

#include "shm/object.hpp"
#include "shm/process_table.hpp"

namespace multiprocessing::shm {

inline constexpr std::uint32_t kNoListIndex = ~std::uint32_t{0};

/// Frees a chain of linked blocks, each with a Location `next`: the last one first, so that what is
/// left stays reachable for whoever goes on after a death.
template <class Page>
void release_chain(Location& first) noexcept {
  while (first.load(std::memory_order_acquire) != 0) {
    Location* last = &first;
    for (;;) {
      const BlockRef ref = BlockRef::unpack(last->load(std::memory_order_acquire));
      if (!ref || !is_linked(ref)) break;  // taken already, or stale: unlink empties it
      Location& next = block_as<Page>(ref.id)->next;
      if (next.load(std::memory_order_acquire) == 0) break;
      last = &next;
    }
    Block page = unlink(*last);
    release(page);
  }
}

/// Lists a hold; requires local().holds. \throws ArenaExhausted
std::uint32_t list_hold(ObjectId id);
void unlist_hold(std::uint32_t index) noexcept;

/// Drops every hold of a dead process and frees its pages.
void release_hold_list(Name dead, Slot& slot) noexcept;
/// Drops those that are `held_one_by_one`: they go although the dead one's heirs live on.
void release_single_holds(Name dead, Slot& slot) noexcept;

/// Before a fork, with local().holds locked: enters this process's single holds for the child that
/// is to be `heir`, too, and lists them in its slot. As far as memory goes: what cannot be entered
/// is not the child's.
void prepare_heir(Name heir) noexcept;

/// Enters holds on objects that are held here for a child that is not forked, and lists them in its
/// slot. \throws ArenaExhausted, ValueError if one is gone; what was entered goes with the slot.
void give_to(Name child, std::span<const ObjectId> objects);
/// In that child, once it has its name: its list goes on where the starter's entries end.
void adopt_given_holds();

/// Finishes a drop that a dead process had noted: removes its entry, destroys the object if nobody
/// holds it (or the dead one had begun to).
void finish_drop(Name dead, ObjectId id) noexcept;

/// Does what its kind wants done to an object that a dead process held, if it did.
void bereave(Name dead, ObjectId id) noexcept;

/// A holder's word: process (kind 1) or block (kind 2) in bits 0..1.
std::uint64_t process_holder(Name name) noexcept;
std::uint64_t block_holder(BlockRef ref) noexcept;

/// Enters `holder` into an object's list. False: the object is dying or gone.
bool enter_hold(ObjectId id, std::uint64_t holder);
/// True: `holder` is in the object's list, and the object stays until it leaves. For whoever acts
/// for a holder that may have died before it had entered, or after it had left.
bool keep_hold(ObjectId id, std::uint64_t holder) noexcept;
/// Removes `holder` and destroys the object if nobody is left. Notes the drop in the own slot.
void leave_hold(ObjectId id, std::uint64_t holder) noexcept;

}  // namespace multiprocessing::shm
