#include "pool/worker.hpp"

#include <exception>

#include "pool/processors.hpp"
#include "process/local.hpp"
#include "shm/process_table.hpp"
#include "shm/watch.hpp"
#include "sys/crash_point.hpp"
#include "sys/futex.hpp"
#include "sys/process.hpp"

namespace multiprocessing::pool {
namespace {

constexpr std::uint32_t kNoChunk = ~std::uint32_t{0};

constinit Worker* current_worker = nullptr;

}  // namespace

Worker::Worker(View& view, std::uint32_t seat, std::uint64_t incarnation, int bell) noexcept
    : view_(view),
      seat_(view.state().seat(seat)),
      me_{seat, static_cast<std::uint32_t>(incarnation) & kIncarnationMask},
      incarnation_(incarnation),
      limit_(view.state(), seat_, bell) {}

Worker* Worker::current() noexcept {
  return current_worker;
}

bool Worker::stop_requested() const noexcept {
  return phase_of(view_.state()) >= Phase::terminating || limit_.asked();
}

int Worker::run(const PoolOptions& options) {
  // What the keeper took it for decides how it ends; this, whether it may have children.
  process::local().daemon.store(options.worker.daemon.value_or(true), std::memory_order_relaxed);
  if (!take_seat()) return 0;
  current_worker = this;
  tell_libraries();
  if (!initialize(options)) return 1;
  loop();
  if (options.finalizer) options.finalizer();
  return 0;
}

// starting(i) -> live(i): S1.
bool Worker::take_seat() noexcept {
  MULTIPROCESSING_CRASH_POINT("pool.seat.named");
  std::uint64_t starting = SeatWord{SeatPhase::starting, incarnation_}.packed();
  const SeatWord live{SeatPhase::live, incarnation_, shm::self()};
  const bool taken = seat_.word.compare_exchange_strong(starting, live.packed(),
                                                        std::memory_order_seq_cst);  // [S]
  MULTIPROCESSING_CRASH_POINT("pool.seat.live");
  // relaxed: for statistics
  if (taken) {
    seat_.pid.store(static_cast<std::uint32_t>(sys::current_pid()), std::memory_order_relaxed);
    seat_.since.store(sys::now(), std::memory_order_relaxed);
    seat_.idle.store(0, std::memory_order_relaxed);
    seat_.idle_since.store(0, std::memory_order_relaxed);
  }
  return taken;
}

bool Worker::initialize(const PoolOptions& options) {
  try {
    if (options.initializer) options.initializer();
  } catch (const std::exception&) {
    keep_failure(view_.state());
    return false;
  }
  // relaxed: a guess of how things go; a failure that is counted meanwhile counts
  view_.state().failed_starts.store(0, std::memory_order_relaxed);
  seat_.ready.store(1, std::memory_order_release);
  return true;
}

void Worker::loop() {
  const std::uint32_t most = view_.state().max_units;
  for (std::uint32_t done = 0; most == 0 || done < most; ++done) {
    Unit unit;
    while (!claim(unit)) {
      if (!search(unit)) return;
      break;
    }
    if (unit.job) {
      run_chunk(unit);
    } else {
      run_task(*view_.cell(unit.cell));
    }
    // relaxed: for statistics
    seat_.done.store(seat_.done.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    if (limit_.doomed() || retired() || phase_of(view_.state()) >= Phase::terminating) return;
  }
}

// Looking for work

bool Worker::claim(Unit& unit) noexcept {
  if (claim_from(view_.returned, unit)) return true;
  const std::uint32_t ranks = view_.state().ranked_used.load(std::memory_order_seq_cst);  // [I]
  if (ranks == 0) return claim_from(view_.tasks, unit);
  return claim_from(view_.ranked[0], unit) || claim_from(view_.ranked[1], unit) ||
         claim_from(view_.tasks, unit) || claim_from(view_.ranked[2], unit) ||
         claim_from(view_.ranked[3], unit);
}

// The cell at the head of the ring is
//   1  queued                    claim it, pass it
//   2  a job                     claim a chunk; if there is none to be had, pass it
//   3  anything else             somebody else has it, or it is over: pass it
bool Worker::claim_from(Ring& ring, Unit& unit) noexcept {
  for (;;) {
    const Ring::Peek head = ring.peek();
    if (!head.there) return false;
    Cell& cell = *view_.cell(head.cell);
    const auto word = CellWord::unpack(cell.word.load(std::memory_order_acquire));         // [Q]
    if (word.state == CellState::job && claim_in_job(cell, head.cell, unit)) return true;  // 2
    const bool mine = word.state == CellState::queued && claim_task(cell, head.cell);      // 1
    if (!mine &&
        CellWord::unpack(cell.word.load(std::memory_order_acquire)).state == CellState::queued) {
      continue;  // W was set meanwhile
    }
    ring.pass(head.position);  // 1, 2, 3
    if (!mine) continue;
    unit = {head.cell, 0, 0, false};
    return true;
  }
}

void Worker::note(DoingWord doing) noexcept {
  seat_.doing.store(doing.packed(), std::memory_order_seq_cst);  // [N], S3
}

bool Worker::claim_task(Cell& cell, std::uint32_t index) noexcept {
  // release: S3; only the keeper reads it, after our death
  seat_.doing.store(DoingWord{Doing::task, index, 0}.packed(), std::memory_order_release);
  MULTIPROCESSING_CRASH_POINT("pool.task.noted");
  std::uint64_t seen = cell.word.load(std::memory_order_relaxed);  // relaxed: the exchange decides
  CellWord word = CellWord::unpack(seen);
  if (word.state != CellState::queued) return false;
  word.state = CellState::running;
  word.claimer = me_;
  // acquire: [Q]
  return cell.word.compare_exchange_strong(seen, word.packed(), std::memory_order_acq_rel,
                                           std::memory_order_relaxed);
}

bool Worker::claim_in_job(Cell& cell, std::uint32_t index, Unit& unit) noexcept {
  const std::uint64_t before = cell.word.load(std::memory_order_acquire);
  note({Doing::job, index, kNoChunk});
  MULTIPROCESSING_CRASH_POINT("pool.chunk.noted");
  // The owner frees no job that a note names, once it has seen the note: look again after it.
  const bool there = cell.word.load(std::memory_order_seq_cst) == before &&  // [N]
                     CellWord::unpack(before).state == CellState::job;
  unit = {index, 0, 0, true};
  if (there && look_for_chunk(job_in(cell), unit)) return true;
  note({});
  return false;
}

bool Worker::look_for_chunk(Job& job, Unit& unit) noexcept {
  // relaxed: a hint; what was given back lies before it, so all of them are looked at in the end
  const std::uint64_t hint = job.next.load(std::memory_order_relaxed);
  for (std::uint64_t i = hint; i < job.chunks; ++i) {
    if (try_chunk(job, i, unit)) return true;
  }
  for (std::uint64_t i = 0; i < job.chunks; ++i) {
    if (try_chunk(job, i, unit)) return true;
  }
  return false;
}

bool Worker::try_chunk(Job& job, std::uint64_t chunk, Unit& unit) noexcept {
  const auto word = ChunkWord::unpack(job.chunk(chunk).word.load(std::memory_order_acquire));
  if (word.owner != 0 || word.progress == job.length(chunk)) return false;
  unit.chunk = static_cast<std::uint32_t>(chunk);
  note({Doing::job, unit.cell, unit.chunk});
  if (!claim_chunk(job, chunk, me_, unit.progress)) return false;
  MULTIPROCESSING_CRASH_POINT("pool.chunk.claimed");
  if (job.next.load(std::memory_order_relaxed) <= chunk) {
    job.next.store(chunk + 1, std::memory_order_relaxed);  // relaxed: a hint
  }
  return true;
}

// The pool has become smaller.
bool Worker::retired() const noexcept {
  return me_.seat >= wanted_seats(view_.state());
}

bool Worker::keep_looking() const noexcept {
  if (retired()) return false;
  const Phase phase = phase_of(view_.state());
  return phase == Phase::open || (phase == Phase::closed && more_to_come(view_));
}

// relaxed: for statistics, as all of these
class Worker::Idling {
 public:
  explicit Idling(Seat& seat) noexcept : seat_(seat), since_(sys::now()) {
    seat_.idle_since.store(since_, std::memory_order_relaxed);
  }
  Idling(const Idling&) = delete;
  Idling& operator=(const Idling&) = delete;
  ~Idling() {
    const sys::Nanoseconds idle = seat_.idle.load(std::memory_order_relaxed);
    seat_.idle.store(idle + sys::now() - since_, std::memory_order_relaxed);
    seat_.idle_since.store(0, std::memory_order_relaxed);
  }

 private:
  Seat& seat_;
  sys::Nanoseconds since_;
};

// Awake for a while, then asleep, until there is work. False: the pool is done.
bool Worker::search(Unit& unit) noexcept {
  const Idling idling(seat_);
  PoolState& state = view_.state();
  for (;;) {
    set_bit(state.searching, me_.seat);
    Patience patience(temper_);
    bool found = false;
    do {
      found = claim(unit);
    } while (!found && keep_looking() && patience.again());
    if (found) {
      clear_bit(state.searching, me_.seat);
      // Whoever made work meanwhile relied on us.
      if (anybody(state.parked, state)) {
        std::atomic_thread_fence(std::memory_order_seq_cst);  // [I]
        if (has_work(view_)) wake_parked(state, 1);
      }
      return true;
    }
    if (park(unit)) return true;
    if (!keep_looking()) return false;
  }
}

// Sleeps until woken. True: it did not come to that, there was work.
bool Worker::park(Unit& unit) noexcept {
  PoolState& state = view_.state();
  seat_.park.store(1, std::memory_order_relaxed);  // relaxed: the bit, which follows, publishes it
  set_bit(state.parked, me_.seat);
  clear_bit(state.searching, me_.seat);
  // Between the bits and each look that follows, at the rings as at the phase: the looks are
  // acquire only.
  std::atomic_thread_fence(std::memory_order_seq_cst);  // [I]
  MULTIPROCESSING_CRASH_POINT("pool.seat.parked");
  const bool found = claim(unit);  // S5
  if (found || !keep_looking()) {
    const bool unused = clear_bit(state.parked, me_.seat);
    seat_.park.store(0, std::memory_order_relaxed);
    // A wake-up that was meant for other work is handed on; and whoever made work while we were
    // still searching relied on us.
    if ((found || !unused) && has_work(view_)) wake_parked(state, 1);
    return found;
  }
  // Who wakes it: see wake_parked.
  while (seat_.park.load(std::memory_order_acquire) == 1) {
    (void)sys::futex_wait(seat_.park, 1);
  }
  (void)clear_bit(state.parked, me_.seat);  // set again after its waker had cleared it
  return false;
}

}  // namespace multiprocessing::pool
