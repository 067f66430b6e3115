#pragma once

// What a pool shares between its owner, its keeper and its workers: an object in the arena.
//
// Layout of PoolState (offsets from the object's payload)
//
//   0     control     phase, sizes, limits, the keeper's name, why the pool is broken
//   128   parked      1024 bits: workers that sleep and may be woken
//   256   searching   1024 bits: workers that are awake and look for work
//   384   tasks       ring of the owner (ring.hpp)
//   640   returned    ring of the keeper: what the dead gave back; looked at first
//   896   segments    16 Locations of arrays of cells: 256, 256, 512, 1024, ... ; how many are used
//   ...   ranked      4 rings of the owner: tasks of other priorities
//   ...   seats       one of 128 bytes for each worker
//
// Seat
//   0   word       bits 0..1 vacant=0 starting=1 live=2; 2..63 incarnation; but of live: 2..16
//                  incarnation, low bits; 17..47 the worker's generation, low bits; 48..63 its slot
//   8   incarnation  in full, the keeper's
//   16  doing      what it does or is about to claim: bits 62..63 nothing=0 task=1 job=2;
//                  32..61 cell; 0..31 chunk
//   24  park       1: sleeps, or is about to
//   28  ready      its initializer has returned
//   32  deadline   of what it does, monotonic; INT64_MAX: none
//   40  limit      units with a limit begun << 2 | none=0 asked=1 doomed=2
//   48  pid, done, since, idle, idle_since   for stats and dump_state
//
//            keeper              worker's first step         keeper: clean
//   vacant(i) -------> starting(i) ----------------> live(i) -------------> vacant(i+1)
//                          |                                                   ^
//                          +---- keeper: it ended, or its maker died ----------+
//
// Invariants
//   S1  A worker runs tasks only in live(i), which it entered by compare-exchange: one whose keeper
//       died between fork and note finds its seat taken back, and ends. The same step names it: a
//       worker that comes late, after two keepers, can enter or rename nothing. (It compares the
//       incarnation in full. The generation's low 31 bits name one process, since a slot is reused
//       only after its sweep, and a keeper looks long before 2^31 of them.)
//   S2  A seat leaves live(i) only after its worker has ended and all that the worker had claimed
//       was given back. So a claim may name the seat instead of the process.
//   S3  `doing` names a thing before it is claimed; a worker has claimed one thing at most.
//   S4  A job's memory is not freed while `doing` of any seat names its cell (job.hpp).
//   S5  Whoever is parked has looked for work after its bit was set, and whoever makes work looks
//       at the bits after it: either the worker sees the work or the other one its bit.
//
// Ordering. Each pair is named where it is used.
//   [S] enter: seq_cst on word -> keeper: acquire
//   [N] note: seq_cst store of doing, then seq_cst load of the cell's word <-> free: seq_cst store
//       of the word, then seq_cst load of doing (store-load on both sides)
//   [I] park: seq_cst on the bits, then a look for work <-> push: seq_cst, then a look at the bits
//   [L] limit: deadline (seq_cst), then a look at the keeper's alarm <-> alarm, then the deadlines
//
// Death: cell.hpp for what a worker does; a parked or searching worker's bits are cleared by the
// keeper, which then wakes everybody. A keeper's death is noticed by the next waiter of the owner,
// which starts another.
// Points: pool.seat.starting .launched .named .live .parked, pool.keeper.started .adopted

#include <atomic>
#include <cstddef>
#include <cstdint>

#include <multiprocessing/detail/handle.hpp>

#include "pool/cell.hpp"
#include "pool/ring.hpp"
#include "shm/name.hpp"

namespace multiprocessing::pool {

enum class Phase : std::uint32_t {
  open,
  closed,       // no new work; workers end when there is none left
  terminating,  // everything is dropped
  broken        // workers cannot be started: nothing is done any more
};

enum class SeatPhase : std::uint8_t { vacant, starting, live };

struct SeatWord {
  SeatPhase phase = SeatPhase::vacant;
  std::uint64_t incarnation = 0;  // of live: its low bits
  shm::Name worker{};             // of live: its slot, and the low bits of its generation
  [[nodiscard]] constexpr std::uint64_t packed() const noexcept {
    if (phase != SeatPhase::live) return static_cast<std::uint64_t>(phase) | incarnation << 2U;
    return static_cast<std::uint64_t>(phase) | (incarnation & kLowIncarnation) << 2U |
           (worker.generation & kLowGeneration) << 17U | std::uint64_t{worker.slot} << 48U;
  }
  static constexpr SeatWord unpack(std::uint64_t word) noexcept {
    const auto phase = static_cast<SeatPhase>(word & 3U);
    if (phase != SeatPhase::live) return {phase, word >> 2U, {}};
    return {phase,
            word >> 2U & kLowIncarnation,
            {static_cast<std::uint32_t>(word >> 48U), word >> 17U & kLowGeneration}};
  }
  static constexpr std::uint64_t kLowIncarnation = 0x7FFF;
  static constexpr std::uint64_t kLowGeneration = 0x7FFFFFFF;
};
static_assert(SeatWord::unpack(SeatWord{SeatPhase::live, 7, {65534, 9}}.packed()).worker ==
              shm::Name{65534, 9});

enum class Doing : std::uint8_t { nothing, task, job };

/// What a seat is doing, unpacked.
struct DoingWord {
  Doing what = Doing::nothing;
  std::uint32_t cell = 0;
  std::uint32_t chunk = 0;
  [[nodiscard]] constexpr std::uint64_t packed() const noexcept {
    return std::uint64_t{chunk} | std::uint64_t{cell} << 32U |
           static_cast<std::uint64_t>(what) << 62U;
  }
  static constexpr DoingWord unpack(std::uint64_t word) noexcept {
    return {static_cast<Doing>(word >> 62U), static_cast<std::uint32_t>(word >> 32U) & 0x3FFFFFFFU,
            static_cast<std::uint32_t>(word)};
  }
};

enum class Stage : std::uint8_t { none, asked, doomed };

struct alignas(128) Seat {
  std::atomic<std::uint64_t> word;
  std::atomic<std::uint64_t> incarnation;
  std::atomic<std::uint64_t> doing;
  std::atomic<std::uint32_t> park;
  std::atomic<std::uint32_t> ready;
  std::atomic<std::int64_t> deadline;
  std::atomic<std::uint64_t> limit;
  std::atomic<std::uint32_t> pid;
  std::atomic<std::uint32_t> done;
  std::atomic<std::int64_t> since;       // when its worker began
  std::atomic<std::int64_t> idle;        // for how long that found nothing to do
  std::atomic<std::int64_t> idle_since;  // 0: it does something
};
static_assert(sizeof(Seat) == 128 && offsetof(Seat, limit) == 40);

inline constexpr std::uint32_t kMaxWorkers = 1024;
inline constexpr std::size_t kBitWords = kMaxWorkers / 64;
inline constexpr std::size_t kSegments = 16;
inline constexpr std::size_t kRanks = 4;  // priorities 2, 1, -1, -2; `tasks` is 0
inline constexpr std::uint32_t kFirstSegment = 256;

struct PoolState {
  std::atomic<std::uint32_t> phase;
  std::uint32_t seats;
  std::uint32_t max_units;  // a worker's life, in tasks and chunks; 0: no bound
  std::uint32_t retries;
  std::int64_t task_timeout;          // nanoseconds; INT64_MAX: none
  std::int64_t task_deadline;         // a fixed moment; INT64_MAX: none
  std::atomic<std::uint64_t> keeper;  // packed name, for dump_state
  std::atomic<std::int64_t> alarm;    // when the keeper wakes up by itself
  std::atomic<std::uint32_t> failed_starts;
  std::atomic<std::uint32_t> streams;  // readers that may still submit (the owner's)
  shm::Location failure;              // message: the exception of the first initializer that failed
  std::atomic<std::uint32_t> wanted;  // workers: the seats before this one are filled
  std::atomic<std::uint32_t> ranked_used;  // a bit for each rank that ever had a task
  std::uint64_t owner_bell;  // offset of the word that the owner waits on for any of many things
  std::atomic<std::uint32_t> keepers;  // that have taken over so far
  std::uint32_t keeps_exit;            // 1: a SystemExit is its task's result, as an executor's is
  std::atomic<std::uint32_t> stopped;  // 1: terminate_workers or kill_workers ended the pool
  std::byte spare[28];

  alignas(128) std::atomic<std::uint64_t> parked[kBitWords];
  std::atomic<std::uint64_t> searching[kBitWords];
  RingState tasks;
  RingState returned;
  alignas(64) std::atomic<std::uint32_t> cells_used;
  std::uint32_t reserved_too;
  shm::Location segments[kSegments];
  RingState ranked[kRanks];

  [[nodiscard]] Seat& seat(std::uint32_t index) noexcept {
    return reinterpret_cast<Seat*>(this + 1)[index];
  }
};
static_assert(offsetof(PoolState, parked) == 128 && offsetof(PoolState, tasks) == 384);
static_assert(offsetof(PoolState, segments) == offsetof(PoolState, cells_used) + 8);
static_assert(alignof(PoolState) == 128 && sizeof(PoolState) % 128 == 0);

struct PoolSizes {
  std::uint32_t seats = 1;
  std::uint32_t wanted = 1;
  std::uint32_t max_units = 0;
  std::uint32_t retries = 0;
  std::int64_t task_timeout = INT64_MAX;
  std::int64_t task_deadline = INT64_MAX;
  std::uint64_t owner_bell = 0;
  bool keeps_exit = false;
};

/// Makes the shared object: no work, vacant seats. \throws ArenaExhausted
detail::Handle create_state(const PoolSizes& sizes);
/// In its object: the state begins at the next multiple of 128 (an object's payload is 64-aligned).
PoolState& state_of(const detail::Handle& object) noexcept;
PoolState& state_in(shm::ObjectHeader& object) noexcept;

/// A pool as one process sees it: where its cells are. Readers need no lock for cells that were
/// there when they learned of them.
class View {
 public:
  explicit View(PoolState& state) noexcept
      : tasks(state.tasks),
        returned(state.returned),
        ranked{Ring(state.ranked[0]), Ring(state.ranked[1]), Ring(state.ranked[2]),
               Ring(state.ranked[3])},
        state_(&state) {}

  [[nodiscard]] PoolState& state() const noexcept { return *state_; }
  /// nullptr: no such cell.
  [[nodiscard]] Cell* cell(std::uint32_t index) noexcept;
  /// The owner, under its lock: one more cell, free(0). \throws ArenaExhausted
  std::uint32_t add_cell();

  Ring tasks;
  Ring returned;
  Ring ranked[kRanks];

  /// The ring of a priority.
  [[nodiscard]] Ring& ring_for(int priority) noexcept;

 private:
  Cell* segment(std::uint32_t number) noexcept;

  PoolState* state_;
  std::atomic<Cell*> segments_[kSegments] = {};
};

/// The worker that sits there; nobody if the seat is not live, or its slot is another's by now.
[[nodiscard]] shm::Name worker_in(const Seat& seat) noexcept;

/// Frees what a cell holds besides itself: arguments, result, a job.
void empty_cell(Cell& cell) noexcept;

[[nodiscard]] inline Phase phase_of(const PoolState& state) noexcept {
  return static_cast<Phase>(state.phase.load(std::memory_order_acquire));
}
/// The pool is over because its owner has ended the workers; what they ran is lost.
[[nodiscard]] inline bool workers_ended(const PoolState& state) noexcept {
  return phase_of(state) == Phase::terminating &&
         state.stopped.load(std::memory_order_relaxed) != 0;  // relaxed: before the phase
}
/// Moves on to a later phase; false if the pool is there already, or further.
bool advance_phase(PoolState& state, Phase to) noexcept;

/// Keeps the current exception as the reason why the pool is broken; the first one counts. Without
/// memory it is lost.
void keep_failure(PoolState& state) noexcept;

/// How many seats are to be filled.
[[nodiscard]] inline std::uint32_t wanted_seats(const PoolState& state) noexcept {
  return state.wanted.load(std::memory_order_seq_cst);
}

/// True if a worker would find something to do, or something to clear away.
bool has_work(View& view) noexcept;
/// The same of a closed pool, or if a stream goes on that may submit.
bool more_to_come(View& view) noexcept;

/// Wakes up to `count` parked workers.
void wake_parked(PoolState& state, std::uint32_t count) noexcept;
/// Completes the wake-ups of somebody who has died between clearing a bit and waking its worker.
void finish_wakes(PoolState& state) noexcept;
/// After work was published by a seq_cst step: wakes `count`, unless somebody searches already.
void announce_work(PoolState& state, std::uint32_t count) noexcept;

/// An item has ended (its word was stored by release).
void item_ended(PoolState& state) noexcept;
/// Something of this pool has ended, by a seq_cst step: wakes the owner if it waits for any.
void ring_owner(PoolState& state) noexcept;
/// True if no worker is there, or on its way.
[[nodiscard]] bool all_vacant(PoolState& state) noexcept;

[[nodiscard]] bool anybody(const std::atomic<std::uint64_t> (&bits)[kBitWords],
                           const PoolState& state) noexcept;
void set_bit(std::atomic<std::uint64_t> (&bits)[kBitWords], std::uint32_t seat) noexcept;
/// True if it was set.
bool clear_bit(std::atomic<std::uint64_t> (&bits)[kBitWords], std::uint32_t seat) noexcept;

}  // namespace multiprocessing::pool
