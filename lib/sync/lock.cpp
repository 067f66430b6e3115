#include <multiprocessing/errors.hpp>

#include "shm/process_table.hpp"
#include "shm/watch.hpp"
#include "sync/lock_state.hpp"
#include "sys/clock.hpp"
#include "sys/crash_point.hpp"

namespace multiprocessing::sync {
namespace {

enum class Got { nothing, it_free, it_from_the_dead };

/// One acquire that did not succeed at once.
struct Attempt {
  LockState& lock;
  const Caller& caller;
  bool slept = false;  // consumed a wake-up since it came: owes it to the others
  LockWord asked = 0;  // the owner whose end the kernel was asked about
  LockWord dead = 0;   // the owner it was taken over from
};

void note_pid(LockState& lock, const Caller& caller) noexcept {
  const std::uint64_t pid = static_cast<std::uint32_t>(caller.pid);
  // relaxed: read by the next acquirer, after [L] or once the owner's end has been observed
  lock.owner_pid.store(pid << 32U | low_part(caller.owner), std::memory_order_relaxed);
}

/// The pid of an owner that has died; 0 if nobody knows any more.
int pid_of_dead(const LockState& lock, LockWord owner) noexcept {
  const std::uint64_t note = lock.owner_pid.load(std::memory_order_relaxed);  // see note_pid
  if (static_cast<std::uint32_t>(note) == low_part(owner_part(owner))) {
    return static_cast<int>(note >> 32U);
  }
  return shm::pid_of(owner_of(owner));
}

/// Memory first; the kernel is asked once about each owner, the watch finds a later death.
bool is_dead(Attempt& attempt, LockWord owner) noexcept {
  if (owner == attempt.caller.owner) return false;
  if (attempt.lock.local != 0) return true;  // I4
  const shm::Name name = owner_of(owner);
  if (!shm::is_live(name)) return true;
  if (owner == attempt.asked) return false;
  attempt.asked = owner;
  return shm::bury_if_dead(name);
}

// One look at the word, `seen`; it is read anew as long as a move fails.
//   1  free                 take it
//   2  held by a dead one   take it over
//   3  held by a live one   nothing to be had
Got look(Attempt& attempt, LockWord& seen) noexcept {
  std::atomic<LockWord>& word = attempt.lock.word;
  for (;;) {
    seen = word.load(std::memory_order_relaxed);  // the moves below see what there is to see
    if (seen == kFree) {
      if (take_free(word, attempt.caller.owner, attempt.slept)) return Got::it_free;  // 1
    } else if (is_dead(attempt, owner_part(seen))) {
      if (!take_over(word, seen, attempt.caller.owner, attempt.slept)) continue;  // 2
      attempt.dead = owner_part(seen);
      return Got::it_from_the_dead;
    } else {
      return Got::nothing;  // 3
    }
  }
}

/// Gives a consumed wake-up to another sleeper: the holder wakes one when it frees the lock, and
/// if there is no holder, this does. A death on the way wakes all.
void pass_on(const Attempt& attempt) noexcept {
  if (!attempt.slept) return;
  std::atomic<LockWord>& word = attempt.lock.word;
  for (;;) {
    const LockWord seen = word.load(std::memory_order_relaxed);  // W carries no data
    if (seen == kFree) {
      shm::wake(shm::low_half(word), 1);
      break;
    }
    if (mark_waiters(word, seen)) break;
  }
  MULTIPROCESSING_CRASH_POINT("lock.give_up.passed");
}

Got give_up(Attempt& attempt) noexcept {
  attempt.asked = 0;
  LockWord seen = kFree;
  const Got got = look(attempt, seen);
  if (got == Got::nothing) pass_on(attempt);
  return got;
}

/// Who wakes it: whoever frees the lock and finds W; if that one dies first, the watch.
Got wait(Attempt& attempt, sys::Nanoseconds deadline) {
  std::atomic<LockWord>& word = attempt.lock.word;
  shm::Sleeper sleeper(shm::low_half(word));
  for (;;) {
    sleeper.note();
    MULTIPROCESSING_CRASH_POINT("lock.wait.noted");
    LockWord seen = kFree;
    const Got got = look(attempt, seen);
    if (got != Got::nothing) return got;
    if (!mark_waiters(word, seen)) continue;
    MULTIPROCESSING_CRASH_POINT("lock.wait.marked");
    bool in_time = false;
    try {
      in_time = sleeper.sleep(low_part(seen | kWaiters), deadline);
    } catch (...) {
      pass_on(attempt);
      throw;
    }
    attempt.slept = attempt.slept || sleeper.woken();
    MULTIPROCESSING_CRASH_POINT("lock.wait.woken");
    if (!in_time) return give_up(attempt);
  }
}

Got acquire_slowly(Attempt& attempt, sys::Nanoseconds deadline) {
  LockWord seen = kFree;
  if (deadline != sys::kForever && deadline <= sys::now()) return look(attempt, seen);
  for (shm::Spinner spinner(attempt.lock.spins); spinner.again();) {
    // relaxed: the compare-exchange of take_free looks again
    if (attempt.lock.word.load(std::memory_order_relaxed) == kFree &&
        take_free(attempt.lock.word, attempt.caller.owner)) {
      spinner.found();
      return Got::it_free;
    }
  }
  return wait(attempt, deadline);
}

/// What the lock's Recovery asks for, by the new holder.
void recover(const Attempt& attempt) {
  MULTIPROCESSING_CRASH_POINT("lock.recover.taken");
  LockState& lock = attempt.lock;
  const int pid = pid_of_dead(lock, attempt.dead);
  note_pid(lock, attempt.caller);
  switch (lock.recovery) {
    case Recovery::silent:
      break;
    case Recovery::hold:
      lock.told.store(attempt.caller.owner, std::memory_order_relaxed);  // I1
      break;
    case Recovery::raise:
      (void)release(lock);  // the moment of telling: nobody else can be told of this death
      MULTIPROCESSING_CRASH_POINT("lock.recover.freed");
      throw LockOwnerDied(pid);
  }
}

}  // namespace

bool acquire(LockState& lock, Timeout timeout, const Caller& caller) {
  if (!take_free(lock.word, caller.owner)) [[unlikely]] {
    Attempt attempt{.lock = lock, .caller = caller};
    const Got got = acquire_slowly(attempt, timeout.deadline());
    if (got == Got::nothing) return false;
    if (got == Got::it_from_the_dead) {
      recover(attempt);
      return true;
    }
  }
  MULTIPROCESSING_CRASH_POINT("lock.acquire.taken");
  note_pid(lock, caller);
  return true;
}

bool release(LockState& lock) noexcept {
  // relaxed: before the word is free nobody reads it, and then [L] shows it
  if (lock.recovery == Recovery::hold) lock.told.store(kFree, std::memory_order_relaxed);
  const LockWord was = set_free(lock.word);
  MULTIPROCESSING_CRASH_POINT("lock.release.freed");
  if ((was & kWaiters) != 0) shm::wake(shm::low_half(lock.word), 1);
  return was != kFree;
}

bool owner_died(const LockState& lock, const Caller& caller) noexcept {
  // relaxed: this process wrote what is looked for, or it is not there
  return lock.told.load(std::memory_order_relaxed) == caller.owner &&
         owner_part(lock.word.load(std::memory_order_relaxed)) == caller.owner;
}

}  // namespace multiprocessing::sync
