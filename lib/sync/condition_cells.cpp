// Where the cells of a condition come from, and where they go.

#include <new>

#include "shm/object.hpp"
#include "shm/process_table.hpp"
#include "sync/condition_state.hpp"
#include "sys/crash_point.hpp"

namespace multiprocessing::sync {
namespace {

bool waiter_lives(CellWord word) noexcept {
  return shm::is_live(waiter_of(word));
}

/// I5. Requires that the lock is held. Who waits is asked about, not only looked up: one who has
/// died and was not swept yet takes no notification over.
void keep_no_notification_for_latecomers(ConditionState& condition) noexcept {
  const auto is_kept = [](const Cell& cell, std::uint64_t /*index*/) {
    const CellWord word = cell.load(std::memory_order_seq_cst);  // [C]
    return is_notified(word) && !is_final(word);
  };
  if (!any_cell(condition, is_kept)) return;
  const bool somebody_waits = any_cell(condition, [](const Cell& cell, std::uint64_t /*index*/) {
    const CellWord word = cell.load(std::memory_order_seq_cst);  // [C]
    return word != kFreeCell && !is_notified(word) && !shm::is_dead(waiter_of(word));
  });
  if (somebody_waits) return;
  (void)any_cell(condition, [](Cell& cell, std::uint64_t /*index*/) {
    CellWord word = cell.load(std::memory_order_seq_cst);
    if (!is_notified(word)) return false;
    // A dead one may still look alive. If it leaves the cell meanwhile, there is nothing to mark.
    const CellWord then = waiter_lives(word) ? word | kFinal : kFreeCell;
    (void)cell.compare_exchange_strong(word, then, std::memory_order_seq_cst);
    return false;
  });
}

/// A cell that is free, or in which one waited who has died.
Cell* find_cell(ConditionState& condition, const Caller& caller) noexcept {
  Cell* found = nullptr;
  (void)any_cell(condition, [&](Cell& cell, std::uint64_t /*index*/) {
    CellWord word = cell.load(std::memory_order_seq_cst);
    const bool kept = is_notified(word) && !is_final(word);  // for a thread that waits
    if (word != kFreeCell && (kept || waiter_lives(word))) return false;
    if (!cell.compare_exchange_strong(word, waiting(caller), std::memory_order_seq_cst)) {
      return false;
    }
    found = &cell;
    return true;
  });
  return found;
}

/// The location after the last page.
shm::Location& end_of(ConditionState& condition) noexcept {
  CellPage* page = &condition.first;
  while (CellPage* next = page_after(*page)) page = next;
  return page->next;
}

void add_cells(ConditionState& condition) {
  shm::OwnedBlock block(shm::allocate(sizeof(CellPage)));
  new (block.get().data()) CellPage;
  while (!shm::link(block.get(), end_of(condition))) {
  }
  (void)block.let_go();  // the location's now
  MULTIPROCESSING_CRASH_POINT("condition.grow.linked");
}

}  // namespace

Cell& claim_cell(ConditionState& condition, const Caller& caller) {
  keep_no_notification_for_latecomers(condition);
  for (;;) {
    if (Cell* cell = find_cell(condition, caller)) return *cell;
    add_cells(condition);
  }
}

void destroy(ConditionState& condition) noexcept {
  while (condition.first.next.load(std::memory_order_acquire) != 0) {
    // the last page first, so that the chain stays reachable
    shm::Location* last = &condition.first.next;
    for (;;) {
      const auto ref = shm::BlockRef::unpack(last->load(std::memory_order_acquire));
      // Freed by one who died before it emptied the location: another's by now, perhaps (shm's I4).
      if (!shm::is_linked(ref)) break;
      shm::Location& next = shm::block_as<CellPage>(ref.id)->next;
      if (next.load(std::memory_order_acquire) == 0) break;
      last = &next;
    }
    shm::Block block = shm::unlink(*last);
    if (block) shm::release(block);
    MULTIPROCESSING_CRASH_POINT("condition.destroy.unlinked");
  }
  shm::Block hold = shm::unlink(condition.lock_hold);
  if (hold) shm::release_message(hold);
}

}  // namespace multiprocessing::sync
