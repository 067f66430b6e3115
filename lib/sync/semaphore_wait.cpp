#include "shm/watch.hpp"
#include "sync/semaphore_state.hpp"
#include "sys/clock.hpp"
#include "sys/crash_point.hpp"

namespace multiprocessing::sync {
namespace {

/// Takes a permit if there is one. Whoever was woken sees to the other sleepers (I2).
bool take(SemaphoreState& semaphore, bool slept) noexcept {
  SemaphoreWord before = kNoPermit;
  if (!take_permit(semaphore.word, before, slept)) return false;
  MULTIPROCESSING_CRASH_POINT("semaphore.acquire.taken");
  if (slept && permits_in(before) > 1) shm::wake(semaphore.word, 1);
  return true;
}

/// Gives a consumed wake-up to another sleeper. A death on the way wakes all.
void pass_on(SemaphoreState& semaphore, bool slept) noexcept {
  if (!slept) return;
  if (!mark_sleeper(semaphore.word)) shm::wake(semaphore.word, 1);
  MULTIPROCESSING_CRASH_POINT("semaphore.give_up.passed");
}

/// Who wakes it: whoever gives a permit and finds W; if that one dies first, the watch.
bool wait(SemaphoreState& semaphore, sys::Nanoseconds deadline) {
  bool slept = false;  // consumed a wake-up since it came: owes it to the others
  shm::Sleeper sleeper(semaphore.word);
  for (;;) {
    sleeper.note();
    MULTIPROCESSING_CRASH_POINT("semaphore.wait.noted");
    if (take(semaphore, slept)) return true;
    if (!mark_sleeper(semaphore.word)) continue;
    MULTIPROCESSING_CRASH_POINT("semaphore.wait.marked");
    bool in_time = false;
    try {
      in_time = sleeper.sleep(kSemaphoreSleepers, deadline);
    } catch (...) {
      pass_on(semaphore, slept);
      throw;
    }
    slept = slept || sleeper.woken();
    MULTIPROCESSING_CRASH_POINT("semaphore.wait.woken");
    if (in_time) continue;
    if (take(semaphore, slept)) return true;
    pass_on(semaphore, slept);
    return false;
  }
}

}  // namespace

bool acquire(SemaphoreState& semaphore, Timeout timeout) {
  if (take(semaphore, false)) return true;
  const sys::Nanoseconds deadline = timeout.deadline();
  if (deadline != sys::kForever && deadline <= sys::now()) return false;
  for (shm::Spinner spinner(semaphore.spins); spinner.again();) {
    // relaxed: take_permit looks again
    if (permits_in(semaphore.word.load(std::memory_order_relaxed)) != 0 && take(semaphore, false)) {
      spinner.found();
      return true;
    }
  }
  return wait(semaphore, deadline);
}

bool release(SemaphoreState& semaphore, SemaphoreWord count) noexcept {
  SemaphoreWord before = kNoPermit;
  if (!give_permit(semaphore.word, before, semaphore.limit, count)) return false;
  MULTIPROCESSING_CRASH_POINT("semaphore.release.given");
  if ((before & kSemaphoreSleepers) != 0) shm::wake(semaphore.word, static_cast<int>(count));
  return true;
}

}  // namespace multiprocessing::sync
