#include <limits>

#include <multiprocessing/errors.hpp>

#include "shm/watch.hpp"
#include "sync/barrier_state.hpp"
#include "sys/clock.hpp"
#include "sys/crash_point.hpp"

namespace multiprocessing::sync {
namespace {

void wake_all(BarrierState& barrier) noexcept {
  shm::wake(shm::low_half(barrier.word), std::numeric_limits<int>::max());
}

void break_phase(BarrierState& barrier, std::uint32_t phase) noexcept {
  if (!shatter(barrier.word, phase)) return;
  MULTIPROCESSING_CRASH_POINT("barrier.break.broken");
  wake_all(barrier);
}

/// Sleeps until `phase` has an outcome; none: not in time.
/// Who wakes it: whoever ends or breaks the phase; if that one dies first, the watch.
Outcome sleep(BarrierState& barrier, std::uint32_t phase, sys::Nanoseconds deadline) {
  shm::Sleeper sleeper(shm::low_half(barrier.word));
  for (;;) {
    sleeper.note();
    const BarrierWord seen = seen_in(barrier.word);
    const Outcome outcome = outcome_of(seen, phase);
    if (outcome != Outcome::none) return outcome;
    MULTIPROCESSING_CRASH_POINT("barrier.wait.asleep");
    const bool in_time = sleeper.sleep(static_cast<std::uint32_t>(seen), deadline);
    MULTIPROCESSING_CRASH_POINT("barrier.wait.woken");
    if (!in_time) return outcome_of(seen_in(barrier.word), phase);
  }
}

Outcome await(BarrierState& barrier, std::uint32_t phase, sys::Nanoseconds deadline) {
  for (shm::Spinner spinner(barrier.spins); spinner.again();) {
    const Outcome outcome = outcome_of(seen_in(barrier.word), phase);
    if (outcome == Outcome::none) continue;
    spinner.found();
    return outcome;
  }
  try {
    const Outcome outcome = sleep(barrier, phase, deadline);
    if (outcome != Outcome::none) return outcome;
  } catch (...) {
    break_phase(barrier, phase);  // this party will not come
    throw;
  }
  break_phase(barrier, phase);
  return outcome_of(seen_in(barrier.word), phase);  // released meanwhile, perhaps
}

/// Waits until nobody is left of phases so old that their outcomes would soon be forgotten (I5).
/// Who wakes it: the straggler when it leaves, or the watch when that one has died.
void drain(BarrierState& barrier, std::uint32_t phase, sys::Nanoseconds deadline) {
  if (phase % kDrainEvery != 0 || !has_stragglers(barrier, phase)) return;
  shm::Sleeper sleeper(shm::low_half(barrier.word));
  for (;;) {
    sleeper.note();
    const BarrierWord seen = seen_in(barrier.word);
    if (outcome_of(seen, phase) != Outcome::none || !has_stragglers(barrier, phase)) return;
    MULTIPROCESSING_CRASH_POINT("barrier.drain.waiting");
    if (!sleeper.sleep(static_cast<std::uint32_t>(seen), deadline)) break;
  }
  break_phase(barrier, phase);
}

/// By the last to arrive.
Outcome finish(BarrierState& barrier, std::uint32_t phase, sys::Nanoseconds deadline,
               void (*action)(const void*), const void* argument) {
  try {
    drain(barrier, phase, deadline);
    if (outcome_of(seen_in(barrier.word), phase) != Outcome::none) return Outcome::broken;
    action(argument);
  } catch (...) {
    break_phase(barrier, phase);
    throw;
  }
  MULTIPROCESSING_CRASH_POINT("barrier.action.run");
  if (!advance(barrier.word, phase)) return Outcome::broken;
  MULTIPROCESSING_CRASH_POINT("barrier.advance.advanced");
  wake_all(barrier);
  return Outcome::released;
}

}  // namespace

// What one who comes finds
//   1  a broken barrier            says so
//   2  all parties there           the action runs: waits for its end, as long as it takes
//   3  room                        notes, and arrives on exactly this word
int wait(BarrierState& barrier, Timeout timeout, void (*action)(const void*),
         const void* argument) {
  const sys::Nanoseconds deadline = timeout.deadline();
  for (;;) {
    const BarrierWord seen = seen_in(barrier.word);
    const std::uint32_t phase = phase_of(seen);
    const std::uint32_t before = arrived_in(seen);
    if (is_broken(seen)) throw BrokenBarrierError();  // 1
    if (before == barrier.parties) {
      (void)sleep(barrier, phase, sys::kForever);  // 2
      continue;
    }
    const BarrierNote note(barrier, phase);  // 3
    MULTIPROCESSING_CRASH_POINT("barrier.wait.noted");
    if (!arrive(barrier.word, seen)) continue;
    MULTIPROCESSING_CRASH_POINT("barrier.wait.arrived");
    const bool last = before + 1 == barrier.parties;
    const Outcome outcome =
        last ? finish(barrier, phase, deadline, action, argument) : await(barrier, phase, deadline);
    if (outcome != Outcome::released) throw BrokenBarrierError();
    return static_cast<int>(before);
  }
}

void reset(BarrierState& barrier) noexcept {
  BarrierWord seen = seen_in(barrier.word);
  BarrierWord whole = 0;
  do {
    if (arrived_in(seen) == 0 && !is_broken(seen)) return;
    // Where nobody waits for the phase's end, it need not end.
    whole = arrived_in(seen) == 0 ? seen & ~kBroken : next_phase(seen, Outcome::broken);
  } while (!barrier.word.compare_exchange_weak(seen, whole, std::memory_order_acq_rel,  // [R]
                                               std::memory_order_acquire));
  MULTIPROCESSING_CRASH_POINT("barrier.reset.advanced");
  wake_all(barrier);
}

void abort(BarrierState& barrier) noexcept {
  // If the phase ends just now, the next one is broken.
  while (!is_broken(seen_in(barrier.word))) break_phase(barrier, phase_of(seen_in(barrier.word)));
}

}  // namespace multiprocessing::sync
