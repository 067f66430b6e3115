#include <exception>

#include "shm/arena.hpp"
#include "shm/process_table.hpp"
#include "shm/watch.hpp"
#include "sync/condition_state.hpp"
#include "sys/clock.hpp"
#include "sys/crash_point.hpp"

namespace multiprocessing::sync {
namespace {

/// Memory only, after a move of the waiter's cell (I4).
bool died_before_the_move(CellWord word) noexcept {
  // seq_cst: [C]; with the count comes the state of the slot of each death that it counts
  (void)shm::arena().header().deaths.load(std::memory_order_seq_cst);
  return !shm::is_live(waiter_of(word));
}

bool move(Cell& cell, CellWord from, CellWord to) noexcept {
  return cell.compare_exchange_strong(from, to, std::memory_order_seq_cst);  // [C]
}

// What notify finds in a cell
//   1  nobody who waits       nothing
//   2  one who has died       frees it
//   3  one who waits          notifies; had it died before (I4), takes that back, unless somebody
//                             has taken the notification over
// `ask`: the kernel, too, so that a notification does not wait until a death is found.
bool notify_cell(Cell& cell, bool ask) noexcept {
  const CellWord seen = cell.load(std::memory_order_seq_cst);
  if (seen == kFreeCell || is_notified(seen)) return false;  // 1
  const shm::Name waiter = waiter_of(seen);
  if (ask ? shm::bury_if_dead(waiter) : !shm::is_live(waiter)) {
    (void)move(cell, seen, kFreeCell);  // 2
    return false;
  }
  if (!move(cell, seen, seen | kNotified)) return false;  // 1: it has withdrawn
  MULTIPROCESSING_CRASH_POINT("condition.notify.notified");
  shm::wake(shm::low_half(cell), 1);
  return !(died_before_the_move(seen) && move(cell, seen | kNotified, kFreeCell));  // 3
}

/// Gives the notification that this thread does not use to another one.
void pass_on(ConditionState& condition, Cell& mine) noexcept {
  notify(condition, 1);
  MULTIPROCESSING_CRASH_POINT("condition.pass.given");
  mine.store(kFreeCell, std::memory_order_seq_cst);  // I1: nobody else moves notified(me)
}

/// Takes the notification of one who has died; `mine` is its cell then (I3).
bool take_over(ConditionState& condition, Cell*& mine, const Caller& caller) noexcept {
  Cell* const old = mine;
  const bool taken = any_cell(condition, [&](Cell& cell, std::uint64_t /*index*/) {
    const CellWord seen = cell.load(std::memory_order_seq_cst);  // [C]
    if (!is_notified(seen) || is_final(seen) || &cell == old) return false;
    if (shm::is_live(waiter_of(seen))) return false;
    if (!move(cell, seen, waiting(caller) | kNotified)) return false;
    mine = &cell;
    return true;
  });
  if (!taken) return false;
  MULTIPROCESSING_CRASH_POINT("condition.take.taken");
  if (!move(*old, waiting(caller), kFreeCell)) pass_on(condition, *old);  // now it has two
  return true;
}

/// waiting(me) -> free. False: notified(me).
bool withdraw(Cell& mine, const Caller& caller) noexcept {
  return move(mine, waiting(caller), kFreeCell);
}

/// True: `mine` is notified(me). False: the time is over, and the cell is not ours any more.
/// Who wakes it: notify; if that one dies first, or a waiter that was notified, the watch.
bool sleep(ConditionState& condition, Cell*& mine, sys::Nanoseconds deadline,
           const Caller& caller) {
  Cell& cell = *mine;
  shm::Sleeper sleeper(shm::low_half(cell));
  for (;;) {
    sleeper.note();
    MULTIPROCESSING_CRASH_POINT("condition.wait.noted");
    if (is_notified(cell.load(std::memory_order_seq_cst))) return true;  // [C]
    if (take_over(condition, mine, caller)) return true;
    const bool in_time = sleeper.sleep(low_part(waiting(caller)), deadline);
    MULTIPROCESSING_CRASH_POINT("condition.wait.woken");
    if (!in_time) return !withdraw(cell, caller);
  }
}

/// The lock as it was, whatever happens meanwhile: the first exception is kept for later.
void reacquire(LockState& lock, std::uint64_t inner, const Caller& caller,
               std::exception_ptr& error) noexcept {
  for (;;) {
    try {
      (void)acquire(lock, Timeout(), caller);
      break;
    } catch (...) {
      if (!error) error = std::current_exception();
    }
  }
  // relaxed: read by its writer only (I1, I2 of lock_state.hpp)
  lock.inner.store(inner, std::memory_order_relaxed);
  MULTIPROCESSING_CRASH_POINT("condition.wait.acquired");
}

}  // namespace

bool is_held(const ConditionState& condition, const LockState& lock,
             const Caller& caller) noexcept {
  if (condition.recursive != 0) return held_here(lock, caller);
  // relaxed: this process wrote what is looked for, or it is not there
  return owner_part(lock.word.load(std::memory_order_relaxed)) == caller.owner;
}

bool wait(ConditionState& condition, LockState& lock, Timeout timeout, const Caller& caller) {
  const sys::Nanoseconds deadline = timeout.deadline();
  Cell* mine = &claim_cell(condition, caller);
  MULTIPROCESSING_CRASH_POINT("condition.wait.claimed");
  // relaxed: this thread wrote it; a plain lock has none
  const std::uint64_t inner = lock.inner.exchange(0, std::memory_order_relaxed);
  (void)release(lock);
  MULTIPROCESSING_CRASH_POINT("condition.wait.released");

  bool notified = false;
  std::exception_ptr error;
  try {
    notified = sleep(condition, mine, deadline, caller);
  } catch (...) {
    error = std::current_exception();
    notified = !withdraw(*mine, caller);
  }
  reacquire(lock, inner, caller, error);
  if (notified && error) {
    pass_on(condition, *mine);
  } else if (notified) {
    mine->store(kFreeCell, std::memory_order_seq_cst);  // I1, I2
  }
  MULTIPROCESSING_CRASH_POINT("condition.wait.freed");
  if (error) std::rethrow_exception(error);
  return notified;
}

void notify(ConditionState& condition, std::uint64_t count) noexcept {
  // relaxed: where to begin is a matter of fairness only
  const std::uint64_t turn = condition.turn.load(std::memory_order_relaxed);
  const bool ask = count != kEverybody;
  std::uint64_t left = count;
  for (const bool from_turn : {true, false}) {
    (void)any_cell(condition, [&](Cell& cell, std::uint64_t index) {
      if (left == 0) return true;
      if ((index >= turn) != from_turn || !notify_cell(cell, ask)) return false;
      --left;
      condition.turn.store(index + 1, std::memory_order_relaxed);
      return false;
    });
  }
}

}  // namespace multiprocessing::sync
