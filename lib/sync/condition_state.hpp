#pragma once

// A condition in shared memory: one cell for each thread that waits.
//
// Layout (512 bytes, the payload of an object of kind condition)
//
//   0    lock_hold  location of the message that holds the lock's object
//   8    lock_id    the lock's object, constant
//   16   recursive  1 if the lock is an RLock, constant
//   24   turn       the cell after the one that was notified last
//   32   reserved
//   64   first      cells 0..54:
//                     0   next   location of a block with 55 more such cells, and so on
//                     8   cells  55 x word
//
//   a cell's word  63 62                         17 16         1   0
//                  +---+----------------------------+------------+---+
//                  | F | generation                 | slot + 1   | N |    0: free; futex: low half
//                  +---+----------------------------+------------+---+
//
//              claim                notify                 leave
//   free ------------> waiting(p) ----------> notified(p) --------> free
//                       |      ^                |
//                       |      +- claim: p dead +-- take_over: p dead --> notified(q)
//                       +-- withdraw, or p dead --> free
//
// Invariants
//   I1  While p lives, its thread alone moves the cell out of waiting(p), but for notify.
//   I2  notified(p) goes away when p's thread has the lock again, and not before: a death until
//   then
//       loses no notification.
//   I3  A notification of the dead is taken by a thread that waits: by one step, into its own name.
//       Each looks for such a cell whenever it wakes, and each is woken by a death.
//   I4  Only a notifier that has seen its owner alive *after* the move counts it; else the owner's
//       death may have woken everybody before the move.
//   I5  claim requires the lock. If nobody waits who could take over from the dead, it forgets
//       their notifications, and marks those of the living final (F): should they die, found out
//       now or later, theirs is not kept for one who comes later.
//
// Ordering. Each pair is named where it is used.
//   [C] cells, with deaths of the family (all seq_cst): notify moves the cell, then reads deaths
//   and
//       the owner's slot; a sleeper reads deaths (Sleeper::note), then the cells. So the notifier
//       sees the death, or the sleeper that the death woke sees the cell.
//   What a condition guards is ordered by its lock.
//
// Death. What a survivor finds if a process is killed
//   cell claimed, lock not released    waiting(dead): skipped, and used again; the lock: as it says
//   waiting                            waiting(dead): the same
//   notified, lock not yet acquired    notified(dead): taken over by a waiting thread (I3)
//   lock acquired, cell not freed      the same, and the lock is held by the dead
//   taken over, own old cell not freed waiting(dead) and notified(dead): both as above
//   withdrawn or cell freed            nothing but the lock
//   notifier, after the move           that waiter was notified; the death itself wakes it
//   notifier, before the look (I4)     the same; if the waiter is dead, too: notified(dead)
//   passed on, own cell not freed      one notification twice: a wake-up too many
//   block of cells linked              there it is
// Points: condition.wait.claimed .released .noted .woken .acquired .freed, condition.take.taken,
//   condition.pass.given, condition.notify.notified, condition.grow.linked,
//   condition.destroy.unlinked

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <multiprocessing/detail/timeout.hpp>

#include "shm/block.hpp"
#include "sync/caller.hpp"
#include "sync/lock_state.hpp"

namespace multiprocessing::sync {

using CellWord = std::uint64_t;
using Cell = std::atomic<CellWord>;

inline constexpr CellWord kFreeCell = 0;
inline constexpr CellWord kNotified = 1;
inline constexpr CellWord kFinal = CellWord{1} << 63U;  // generations have 46 bits
inline constexpr std::size_t kCells = 55;
inline constexpr std::uint64_t kEverybody = ~std::uint64_t{0};

static_assert(kWaiters == kNotified, "bit 0 is spare in the word that names an owner");

/// The word of a cell in which a thread of the caller's process waits.
constexpr CellWord waiting(const Caller& caller) noexcept {
  return caller.owner;
}
constexpr bool is_notified(CellWord word) noexcept {
  return (word & kNotified) != 0;
}
constexpr bool is_final(CellWord word) noexcept {
  return (word & kFinal) != 0;
}
constexpr shm::Name waiter_of(CellWord word) noexcept {
  return owner_of(word & ~kFinal);
}

struct alignas(64) CellPage {
  shm::Location next{0};
  std::array<Cell, kCells> cells{};
};

struct alignas(64) ConditionState {
  shm::Location lock_hold{0};
  std::uint64_t lock_id = 0;
  std::uint64_t recursive = 0;
  std::atomic<std::uint64_t> turn{0};
  std::array<std::uint64_t, 4> reserved{};
  CellPage first;
};

static_assert(Cell::is_always_lock_free, "a lock table is private to one process");
static_assert(std::is_standard_layout_v<ConditionState>,
              "processes built apart must agree on offsets");
static_assert(sizeof(CellPage) == 448 && sizeof(ConditionState) == 512);

/// The page after `page`, or nullptr.
inline CellPage* page_after(const CellPage& page) noexcept {
  const auto ref = shm::BlockRef::unpack(page.next.load(std::memory_order_acquire));
  return ref ? shm::block_as<CellPage>(ref.id) : nullptr;
}

/// Calls visit(cell, index) for each cell until it returns true.
template <class F>
bool any_cell(ConditionState& condition, F visit) {
  std::uint64_t index = 0;
  for (CellPage* page = &condition.first; page != nullptr; page = page_after(*page)) {
    for (Cell& cell : page->cells) {
      if (visit(cell, index++)) return true;
    }
  }
  return false;
}

/// Whether the calling thread (of a plain lock: the process) holds the condition's lock.
bool is_held(const ConditionState& condition, const LockState& lock, const Caller& caller) noexcept;

/// Requires that the lock is held, and leaves it held. False: not notified in time.
/// \throws LockOwnerDied, KeyboardInterrupt, ArenaExhausted (all of them holding the lock)
bool wait(ConditionState& condition, LockState& lock, Timeout timeout, const Caller& caller);

/// Wakes up to `count` waiting threads. Requires that the lock is held.
void notify(ConditionState& condition, std::uint64_t count) noexcept;

/// A cell of the calling thread, made if need be. Requires that the lock is held.
/// \throws ArenaExhausted
Cell& claim_cell(ConditionState& condition, const Caller& caller);

/// Frees what belongs to the condition. May run again after a death.
void destroy(ConditionState& condition) noexcept;

}  // namespace multiprocessing::sync
