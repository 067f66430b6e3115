#pragma once

// Sleeping so that nobody waits for the dead.
//
// A sleeper notes the word it sleeps on and the family's death counter in its own slot, looks at
// its condition again, and sleeps: 50 ms first, then in slices of 1 s. One sleeper holds the seat
// and keeps 50 ms slices; when it takes it and at the end of each, it looks at every slot. Whoever
// finds a dead one counts the death and wakes every noted word; each tick wakes again whoever noted
// an older count. Where nobody has died for a second of its wait, it keeps 80 ms slices, and wakes
// those with older counts at one in 20, as everybody has looked by himself since.
//
// Layout: SleepNote in the slot (process_table.hpp), `deaths` and `seat` in the arena's header.
// States of the seat: 0 or a packed name; open when 0 or when its holder is dead.
// Invariants
//   I1  epoch, then word, then the look at the condition, then FUTEX_WAIT: in this order.
//   I2  deaths goes up before anybody is woken for a death.
// Ordering
//   [D] deaths: seq_cst increment -> note: seq_cst load before the look (store-load both ways, so
//       both ends are seq_cst: either the sleeper sees the new count or the waker sees the note)
// Death
//   sleeper dead with a note      its slot is swept; a wake on that word is harmless
//   seat's holder dead            the seat is open: a long sleeper takes it within a long slice
//   waker dead before its wake    its death is counted, and that wakes every noted word, and rings
//                                 every bell (bell.hpp)
// Points: watch.noted, watch.seated, watch.left

#include <poll.h>

#include <atomic>
#include <cstdint>
#include <span>

#include "shm/bell.hpp"
#include "sys/clock.hpp"

namespace multiprocessing::shm {

/// One wait of one thread. Use:
///   Sleeper sleeper(word);
///   for (;;) {
///     sleeper.note();                 // before the look
///     <look at the condition; done: break; compute `expected`>
///     if (!sleeper.sleep(expected, deadline)) -> timed out: look a last time, break
///   }
class Sleeper {
 public:
  /// `word` lies in the arena, or in memory of this process alone: then only a thread of this
  /// process can be waited for, nothing is noted, and a sleep lasts until the deadline.
  explicit Sleeper(const std::atomic<std::uint32_t>& word) noexcept;
  /// Sleeps until somebody rings: for `sleep_polling`.
  explicit Sleeper(const Bell& bell) noexcept;
  ~Sleeper();  // leaves: clears the note, hands the seat on
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;

  void note() noexcept;
  /// One slice of sleep. False: the deadline has passed. `woken()` tells whether a wake-up was
  /// consumed (and must be passed on if it is not used).
  /// \throws KeyboardInterrupt where raise_on_signal asks for it (via the interrupt hook).
  bool sleep(std::uint32_t expected, sys::Nanoseconds deadline);
  /// The same for descriptors, one of which is the bell's. True also if `fds` have something to
  /// say.
  /// \throws std::system_error naming poll; and as `sleep`
  bool sleep_polling(std::span<struct pollfd> fds, sys::Nanoseconds deadline);
  [[nodiscard]] bool woken() const noexcept { return woken_; }
  /// How long the sleeps of this wait have taken so far.
  [[nodiscard]] sys::Nanoseconds slept() const noexcept { return slept_; }

 private:
  void take_note() noexcept;
  bool take_or_watch_seat() noexcept;
  void tick() noexcept;
  void end_slice() noexcept;
  bool begin_sleep(sys::Nanoseconds deadline) noexcept;
  sys::Nanoseconds end_sleep(bool was_interrupted);

  const std::atomic<std::uint32_t>* word_;  // nullptr: the bell
  std::uint32_t bell_ = 0;                  // its index + 1; 0: the word
  sys::Nanoseconds slice_ends_ = 0;         // 0: none has begun
  sys::Nanoseconds began_ = 0;              // the last sleep
  sys::Nanoseconds slept_ = 0;
  std::uint64_t deaths_ = 0;  // as of the last tick
  int calm_ = 0;              // ticks since that one changed
  int note_ = -1;
  bool seated_ = false;
  bool long_ = false;
  bool first_ = true;
  bool woken_ = false;
  bool private_ = false;  // the word is this process's own
};

/// While it lives, `check` looks at the end of each slice of this thread's sleeps whether they are
/// still wanted, and throws if not: every wait ends then as by a KeyboardInterrupt. A sleep that
/// consumed a wake-up is not asked about: it must be used, or passed on.
class SleepCheck {
 public:
  using Check = void (*)(const void* argument);

  SleepCheck(Check check, const void* argument) noexcept;
  SleepCheck(const SleepCheck&) = delete;
  SleepCheck& operator=(const SleepCheck&) = delete;
  ~SleepCheck();

  void look() const { check_(argument_); }

 private:
  Check check_;
  const void* argument_;
  const SleepCheck* outer_;
};

/// Called when a sleep was interrupted by a signal; may throw. nullptr: none.
void set_interrupt_hook(void (*hook)()) noexcept;

/// Calls the hook, if there is one: after a wait for a descriptor, too.
void interrupted();

/// Wakes `count` sleepers of a word in the arena.
void wake(const std::atomic<std::uint32_t>& word, int count) noexcept;
/// The low half of a 64-bit word as a futex.
const std::atomic<std::uint32_t>& low_half(const std::atomic<std::uint64_t>& word) noexcept;

/// deaths++, then wakes every word noted in any slot, and rings every bell.
void announce_death() noexcept;

/// How long it has paid to spin for one object; lies beside its word. 0: nothing learned yet.
using SpinHint = std::atomic<std::uint32_t>;

/// Bounded spinning before a sleep, with growing steps and yields; not at all on one CPU. Use:
///   for (Spinner spinner(hint); spinner.again();) {
///     if (<done>) return spinner.found();
///   }
/// Learns from each end: an object that is never free in time is soon spun for hardly at all.
class Spinner {
 public:
  Spinner() noexcept;  // learns nothing
  explicit Spinner(SpinHint& hint) noexcept;
  /// Pauses. False: go to sleep.
  bool again() noexcept;
  /// To be called when spinning led to what was wanted.
  void found() noexcept { learn(true); }

 private:
  void learn(bool found) noexcept;

  SpinHint* hint_ = nullptr;
  int budget_;
  int spent_ = 0;
  int step_ = 0;
};

}  // namespace multiprocessing::shm
