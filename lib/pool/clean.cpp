// What becomes of a seat whose worker has ended, and of what its tasks left behind. Every step may
// be repeated: if this keeper dies on the way, the next one goes through all of them.

#include <algorithm>
#include <csignal>
#include <string>

#include "pool/keeper.hpp"
#include "pool/terms.hpp"
#include "shm/watch.hpp"
#include "sys/calls.hpp"
#include "sys/children.hpp"
#include "sys/crash_point.hpp"
#include "sys/io.hpp"
#include "sys/oom.hpp"
#include "sys/process.hpp"

namespace multiprocessing::pool {
namespace {

constexpr std::uint32_t kFailedStarts = 3;  // in a row: the pool is broken
constexpr int kRounds = 16;

}  // namespace

// live(i) | starting(i) -> vacant(i + 1): S2.
void Keeper::clean(std::uint32_t index, int status) {
  MULTIPROCESSING_CRASH_POINT("pool.clean.begun");
  Seat& seat = state_.seat(index);
  // relaxed: the keeper's own
  const std::uint64_t incarnation = seat.incarnation.load(std::memory_order_relaxed);
  const sys::Nanoseconds deadline = seat.deadline.load(std::memory_order_acquire);
  const auto pid = static_cast<std::int32_t>(posts_[index].child->pid());
  const bool stopped = workers_ended(state_);
  const Loss loss{{index, static_cast<std::uint32_t>(incarnation) & kIncarnationMask},
                  sys::now() >= deadline ? Verdict::timed_out : Verdict::died,
                  pack_obituary(pid, stopped ? kWorkersEnded : refined(status)),
                  state_.retries};
  const DoingWord doing = DoingWord::unpack(seat.doing.load(std::memory_order_acquire));
  bool more = false;
  try {
    if (doing.what == Doing::task) more = give_back_task(doing.cell, loss);
    // What a pool that is over had in hand is dropped, not lost: the phase says why.
    const bool dropped = phase_of(state_) >= Phase::terminating;
    if (doing.what == Doing::job && !dropped) more = give_back_chunk(doing, loss);
  } catch (const std::exception&) {  // no memory for the ring to grow: later
    wake_at_ = sys::now() + kAskGrace;
    return;
  }
  clear_bit(state_.parked, index);
  clear_bit(state_.searching, index);
  seat.doing.store(0, std::memory_order_seq_cst);
  seat.deadline.store(INT64_MAX, std::memory_order_relaxed);  // relaxed: the word follows
  seat.limit.store(0, std::memory_order_relaxed);
  seat.park.store(0, std::memory_order_relaxed);
  const bool had_started = seat.ready.exchange(0, std::memory_order_acq_rel) != 0;
  MULTIPROCESSING_CRASH_POINT("pool.clean.cleared");
  seat.word.store(SeatWord{SeatPhase::vacant, incarnation + 1, {}}.packed(),
                  std::memory_order_release);
  MULTIPROCESSING_CRASH_POINT("pool.clean.vacated");
  posts_[index] = {};
  count_start(had_started);  // last: a successor of ours would count it once more
  finish_wakes(state_);
  // It may have been the one that others relied on to look for work.
  std::atomic_thread_fence(std::memory_order_seq_cst);  // [I]: its bits were cleared
  if (more || has_work(view_)) wake_parked(state_, kMaxWorkers);
  item_ended(state_);
  kill_strays();
}

// The kernel says SIGKILL whoever sent it, and itself counts those that it killed for want of
// memory.
int Keeper::refined(int status) {
  if (status != -SIGKILL) return status;
  const std::uint64_t kills = sys::oom_kills();
  const bool one_more = kills > oom_kills_;
  oom_kills_ = kills;
  return one_more ? kOutOfMemory : status;
}

// running(dead) -> queued | died | timed_out. True: there is something to be claimed.
bool Keeper::give_back_task(std::uint32_t index, const Loss& loss) {
  Cell* cell = view_.cell(index);
  if (cell == nullptr) return false;
  std::uint64_t seen = cell->word.load(std::memory_order_acquire);
  for (;;) {
    CellWord word = CellWord::unpack(seen);
    if (word.state == CellState::queued) break;  // a keeper before us got so far; or never claimed
    if (word.state != CellState::running || word.claimer != loss.claimer) return false;
    // relaxed: the keeper's own; a successor that counts an attempt twice only gives up earlier
    const std::uint64_t attempts = cell->attempts.load(std::memory_order_relaxed);
    const Phase phase = phase_of(state_);
    if (phase == Phase::broken) {  // dropped, as the chunk of a job
      if (word.waited) shm::wake(shm::low_half(cell->word), INT32_MAX);
      return false;
    }
    const bool over = phase == Phase::terminating;
    const bool again =
        !over && may_try_again(*cell, terms_of(*cell, state_), attempts) && !word.stop;
    const bool waited = word.waited;
    if (again) {
      cell->attempts.store(attempts + 1, std::memory_order_relaxed);
      word.state = CellState::queued;
    } else {
      cell->obituary.store(loss.obituary, std::memory_order_relaxed);  // relaxed: [E] follows
      const bool stopped = status_in(loss.obituary) == kWorkersEnded;
      word.state =
          loss.verdict == Verdict::died || stopped ? CellState::died : CellState::timed_out;
      if (word.stop || (over && !stopped)) word.state = CellState::cancelled;
      word.waited = false;
      word.stop = false;
    }
    word.claimer = {};
    // seq_cst: [E], and before the look at the ring's head
    if (!cell->word.compare_exchange_strong(seen, word.packed(), std::memory_order_seq_cst))
      continue;
    MULTIPROCESSING_CRASH_POINT("pool.clean.marked");
    if (again) break;
    if (waited) shm::wake(shm::low_half(cell->word), INT32_MAX);
    return false;
  }
  view_.returned.push_once(index);
  MULTIPROCESSING_CRASH_POINT("pool.clean.pushed");
  return true;
}

bool Keeper::give_back_chunk(DoingWord doing, const Loss& loss) {
  Cell* cell = view_.cell(doing.cell);
  if (cell == nullptr) return false;
  const auto word = CellWord::unpack(cell->word.load(std::memory_order_acquire));
  if (word.state != CellState::job) return false;
  Job& job = job_in(*cell);  // S4: the note is still there
  give_back(job, doing.chunk, loss);
  MULTIPROCESSING_CRASH_POINT("pool.clean.marked");
  wake_job(job);
  if (job_ended(job)) return false;
  view_.returned.push_once(doing.cell);
  MULTIPROCESSING_CRASH_POINT("pool.clean.pushed");
  return true;
}

// Workers that end before they are ready, one after the other, break the pool.
void Keeper::count_start(bool had_started) noexcept {
  if (had_started) {
    state_.failed_starts.store(0, std::memory_order_relaxed);  // relaxed: the keeper's own
    return;
  }
  if (phase_of(state_) >= Phase::terminating) return;
  if (state_.failed_starts.fetch_add(1, std::memory_order_relaxed) + 1 < kFailedStarts) return;
  (void)advance_phase(state_, Phase::broken);
}

// Children of ours that are no workers: processes whose parent, a worker or its descendant, has
// ended. A worker's death hands us all that it leaves behind.
template <class F>
void Keeper::for_each_stray(F visit) noexcept {
  const std::string self = std::to_string(sys::current_pid());
  const std::string path = "/proc/self/task/" + self + "/children";
  struct Look {
    const std::vector<Post>& posts;
    F& visit;
  } look{posts_, visit};
  sys::for_each_number(
      path.c_str(),
      [](long number, void* argument) {
        const auto& [posts, seen] = *static_cast<Look*>(argument);
        const auto pid = static_cast<pid_t>(number);
        const bool worker = std::any_of(posts.begin(), posts.end(), [pid](const Post& post) {
          return post.child && post.child->pid() == pid;
        });
        if (!worker) seen(pid);
      },
      &look);
}

void Keeper::reap_strays() noexcept {
  for_each_stray([](pid_t pid) {
    siginfo_t info{};
    (void)sys::calls().waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG);
  });
}

void Keeper::kill_strays() noexcept {
  for (int round = 0; round < kRounds; ++round) {
    bool found = false;
    for_each_stray([&found](pid_t pid) {
      found = true;
      sys::kill_and_reap(pid);
    });
    if (!found) return;
  }
}

}  // namespace multiprocessing::pool
