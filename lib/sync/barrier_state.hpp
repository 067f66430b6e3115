#pragma once

// A barrier in shared memory: one word tells its present and its recent past.
//
// Layout (64 bytes, the payload of an object of kind barrier)
//
//   0   word      63        48 47        32 31        16 15       1  0
//                 +-----------+------------+------------+----------+---+
//                 | outcomes  | phase high | phase low  | arrived  | B |   low half: the futex word
//                 +-----------+------------+------------+----------+---+
//   8   parties   constant
//   12  spins     how long parties spin (shm/watch.hpp); any value is right
//   16  timeout   of a wait without one, constant
//   32  action    location of the message that holds it, or 0
//   40  reserved
//
//   outcomes: bit 0 is that of the phase before this one, bit 15 that of the sixteenth; 1:
//   released.
//
//   and in the slot of a process (Slot::intents), while one of its threads is inside:
//
//       63              32 31        16 15         4 3    0
//       +-----------------+------------+------------+------+
//       | barrier's block | phase low  | threads    | 1    |      0: unused
//       +-----------------+------------+------------+------+
//
//              arrive              advance(released), by the last
//   (p, n, 0) -------> (p, n+1, 0) ------------------------------> (p+1, 0, 0)
//                        | shatter                                   ^
//                        +---------> (p, n, 1) --- advance(broken) --+
//
// Invariants
//   I1  A process is noted in its slot before one of its threads is counted, and until that thread
//       has seen the phase's outcome. The note of a thread that found another word goes away.
//   I2  The action runs while the phase's parties are all counted; only it is over then, or broken.
//   I3  A waiter of phase p reads its outcome from the word: B while the phase lasts, then the
//       history, which is long enough (I5).
//   I4  A sleeper whose 16 bits of phase came round again looks at the whole word at the end of its
//       slice.
//   I5  Every eighth phase is not released while a note of a phase eight or more before it is
//       there. So a released party finds its outcome among the sixteen, however late it runs;
//       `reset`, which waits for nobody, is the exception.
//
// Ordering. Each pair is named where it is used.
//   [A] arrive (acq_rel), paired with itself: with the last one's, the action sees what all wrote
//   [R] advance(release) -> seen(acquire)                  all see what the action has written
//   [N] note of a phase -> arrive [A] -> stragglers        whoever ends a later phase sees it
//
// Death. What a survivor finds if a process is killed
//   before the note                   nothing
//   noted, not counted                the sweep breaks the phase: it had begun to arrive
//   counted, waiting                  the sweep breaks the phase
//   in the action                     the sweep breaks the phase
//   advanced, before the wake-up      the phase is over; the death itself wakes every sleeper
//   broken, before the wake-up        the same
//   outcome seen, note still there    the phase is over: the sweep leaves the next one alone
//   released, not run since           the same; who waits for it (I5) goes on once it is swept
//   waiting for a straggler           counted: the sweep breaks the phase
//   sweeper, before it clears a note  the next sweeper finds the phase broken, and clears it
// Points: barrier.wait.noted .arrived .asleep .woken, barrier.drain.waiting, barrier.action.run,
//   barrier.advance.advanced, barrier.break.broken, barrier.reset.advanced, barrier.sweep.broken

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <multiprocessing/detail/timeout.hpp>

#include "shm/block.hpp"
#include "shm/watch.hpp"

namespace multiprocessing::sync {

using BarrierWord = std::uint64_t;

inline constexpr BarrierWord kBroken = 1;
inline constexpr BarrierWord kOneArrived = 2;
inline constexpr std::uint32_t kMaxParties = 0x7FFF;
inline constexpr std::uint32_t kHistory = 16;
inline constexpr std::uint32_t kDrainEvery = 8;  // I5; a straggler is at most twice as late, less 1
static_assert(2 * kDrainEvery - 1 <= kHistory);

enum class Outcome : std::uint8_t { none, released, broken };

constexpr bool is_broken(BarrierWord word) noexcept {
  return (word & kBroken) != 0;
}
constexpr std::uint32_t arrived_in(BarrierWord word) noexcept {
  return static_cast<std::uint32_t>(word >> 1U) & kMaxParties;
}
constexpr std::uint32_t phase_of(BarrierWord word) noexcept {
  return static_cast<std::uint32_t>(word >> 16U);
}

/// The word of the next phase, after this one ended in `outcome`.
constexpr BarrierWord next_phase(BarrierWord word, Outcome outcome) noexcept {
  const BarrierWord latest = outcome == Outcome::released ? 1 : 0;
  const BarrierWord outcomes = (word >> 48U) << 1U | latest;  // the oldest falls out at the top
  return outcomes << 48U | BarrierWord{phase_of(word) + 1U} << 16U;
}

/// What became of `phase` (I3).
constexpr Outcome outcome_of(BarrierWord word, std::uint32_t phase) noexcept {
  const std::uint32_t late = phase_of(word) - phase;
  if (late == 0) return is_broken(word) ? Outcome::broken : Outcome::none;
  if (late > kHistory) return Outcome::broken;
  return (word >> (47U + late) & 1U) != 0 ? Outcome::released : Outcome::broken;
}

// The moves. `Atomic` is std::atomic<BarrierWord>, or one that a test drives.

template <class Atomic>
BarrierWord seen_in(const Atomic& word) noexcept {
  return word.load(std::memory_order_acquire);  // [R]
}

/// False: the word is not `seen` any more. Requires that `seen` is whole and not full.
template <class Atomic>
bool arrive(Atomic& word, BarrierWord seen) noexcept {
  return word.compare_exchange_strong(seen, seen + kOneArrived,
                                      std::memory_order_acq_rel,  // [A]
                                      std::memory_order_relaxed);
}

/// Ends `phase`, whole, as released. False: it is broken or over.
template <class Atomic>
bool advance(Atomic& word, std::uint32_t phase) noexcept {
  BarrierWord seen = seen_in(word);
  while (outcome_of(seen, phase) == Outcome::none) {
    if (word.compare_exchange_weak(seen, next_phase(seen, Outcome::released),
                                   std::memory_order_release,  // [R]
                                   std::memory_order_relaxed)) {
      return true;
    }
  }
  return false;
}

/// Breaks `phase`. False: it is broken or over.
template <class Atomic>
bool shatter(Atomic& word, std::uint32_t phase) noexcept {
  BarrierWord seen = seen_in(word);
  while (outcome_of(seen, phase) == Outcome::none) {
    // relaxed: whoever finds the barrier broken learns nothing else from it
    if (word.compare_exchange_weak(seen, seen | kBroken, std::memory_order_relaxed,
                                   std::memory_order_relaxed)) {
      return true;
    }
  }
  return false;
}

struct alignas(64) BarrierState {
  std::atomic<BarrierWord> word{0};
  std::uint32_t parties = 1;
  shm::SpinHint spins{0};
  Timeout timeout;
  shm::Location action{0};
  std::array<std::uint64_t, 3> reserved{};
};

static_assert(std::atomic<BarrierWord>::is_always_lock_free, "it would be private to one process");
static_assert(std::is_standard_layout_v<BarrierState>,
              "processes built apart must agree on offsets");
static_assert(sizeof(BarrierState) == 64);

/// One thread's share of a note in the own slot (I1).
class BarrierNote {
 public:
  /// \throws ValueError if the process waits at 32 barriers already
  BarrierNote(const BarrierState& barrier, std::uint32_t phase);
  ~BarrierNote();
  BarrierNote(const BarrierNote&) = delete;
  BarrierNote& operator=(const BarrierNote&) = delete;

 private:
  const BarrierState& barrier_;
  std::uint32_t phase_;
  std::atomic<std::uint64_t>* intent_ = nullptr;
};

/// Whether a thread of any process is noted in a phase that is `kDrainEvery` or more before
/// `phase`.
bool has_stragglers(const BarrierState& barrier, std::uint32_t phase) noexcept;

/// How many arrived before. `action` runs in the last one, with `argument`.
/// \throws BrokenBarrierError, KeyboardInterrupt, what `action` throws
int wait(BarrierState& barrier, Timeout timeout, void (*action)(const void* argument),
         const void* argument);
void reset(BarrierState& barrier) noexcept;
void abort(BarrierState& barrier) noexcept;

/// Breaks what the dead have left unfinished, in every sweep from now on.
void sweep_barriers() noexcept;

}  // namespace multiprocessing::sync
