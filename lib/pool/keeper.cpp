#include "pool/keeper.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <string>
#include <system_error>

#include "pool/processors.hpp"
#include "pool/seed.hpp"
#include "shm/process_table.hpp"
#include "sys/calls.hpp"
#include "sys/children.hpp"
#include "sys/crash_point.hpp"
#include "sys/oom.hpp"
#include "sys/pipe.hpp"
#include "sys/process.hpp"

namespace multiprocessing::pool {
namespace {

constexpr sys::Nanoseconds kTick = 1'000'000'000;  // strays are reaped, the seats looked at
constexpr sys::Nanoseconds kRetry = 50'000'000;    // after a fork that failed
constexpr int kFailedForks = 40;                   // in a row: the pool is broken

std::string worker_title(const PoolOptions& options, std::uint32_t index) {
  constexpr std::array kPlain{"ForkPoolWorker", "ForkServerPoolWorker", "SpawnPoolWorker"};
  const auto method = static_cast<std::size_t>(options.method.value_or(StartMethod::fork));
  const std::string& name = options.worker.name;
  return (name.empty() ? kPlain.at(method) : name) + "-" + std::to_string(index + 1);
}

bool occupied(const Seat& seat) noexcept {
  const std::uint64_t word = seat.word.load(std::memory_order_acquire);  // [S]
  return SeatWord::unpack(word).phase != SeatPhase::vacant;
}

}  // namespace

Keeper::Keeper(View& view, const PoolOptions& options, const KeeperPlan& plan)
    : view_(view), state_(view.state()), options_(options), plan_(plan), posts_(state_.seats) {}

int Keeper::run() {
  MULTIPROCESSING_CRASH_POINT("pool.keeper.started");
  sys::become_subreaper();
  share_processors(wanted_seats(state_));
  view_.returned.take_over();
  oom_kills_ = sys::oom_kills();
  adopt();
  for (;;) {
    for (std::uint32_t i = 0; i < state_.seats; ++i) look_after(i);
    if (all_vacant(state_) && !wanted(phase_of(state_))) break;
    if (sys::zombie_waits()) reap_strays();
    wait();
  }
  kill_strays();
  return 0;
}

// Seats as a keeper before us left them: S1.
void Keeper::adopt() {
  for (std::uint32_t i = 0; i < state_.seats; ++i) adopt_seat(i);
  finish_wakes(state_);
  // The keeper before us may have died before it told of what it had given back, and a seat that is
  // wanted no more is not filled: nobody else would look.
  if (has_work(view_)) wake_parked(state_, kMaxWorkers);
  state_.keepers.fetch_add(1, std::memory_order_relaxed);  // relaxed: only the number counts
  MULTIPROCESSING_CRASH_POINT("pool.keeper.adopted");
}

void Keeper::adopt_seat(std::uint32_t index) {
  Seat& seat = state_.seat(index);
  std::uint64_t seen = seat.word.load(std::memory_order_acquire);  // [S]
  SeatWord word = SeatWord::unpack(seen);
  if (word.phase == SeatPhase::starting) {
    // A worker that exists all the same finds its seat taken back, and ends.
    if (take_back(index, word.incarnation)) return;
    word = SeatWord::unpack(seat.word.load(std::memory_order_acquire));
  }
  if (word.phase != SeatPhase::live) return;
  const shm::Name name = worker_in(seat);
  auto child = std::make_shared<process::Child>(name, worker_title(options_, index),
                                                process::Child::Origin::elsewhere);
  const pid_t pid = shm::pid_of(name);
  try {
    sys::UniqueFd pidfd;
    if (!shm::is_dead(name)) pidfd = sys::open_pidfd(pid);
    // Alive after the pidfd was opened: the pid was its own then. If not, a pipe without writers is
    // readable, as the pidfd of the dead would be.
    if (shm::is_dead(name)) pidfd = std::move(sys::make_pipe().read);
    child->found(pid, std::move(pidfd));
    posts_[index].child = std::move(child);
  } catch (const std::system_error&) {  // it ended just now, or there are no descriptors: later
    wake_at_ = sys::deadline_after(kRetry);
  }
}

// starting(i) -> vacant(i + 1). False: its worker was faster, the seat is live.
bool Keeper::take_back(std::uint32_t index, std::uint64_t incarnation) noexcept {
  std::uint64_t starting = SeatWord{SeatPhase::starting, incarnation, {}}.packed();
  const SeatWord vacant{SeatPhase::vacant, incarnation + 1, {}};
  return state_.seat(index).word.compare_exchange_strong(starting, vacant.packed(),
                                                         std::memory_order_seq_cst);
}

// vacant(i) -> starting(i), then the fork. The worker does the rest.
void Keeper::fill(std::uint32_t index) {
  Seat& seat = state_.seat(index);
  const SeatWord word = SeatWord::unpack(seat.word.load(std::memory_order_acquire));
  const std::uint64_t incarnation = word.incarnation;
  seat.incarnation.store(incarnation, std::memory_order_relaxed);  // relaxed: the word follows
  seat.word.store(SeatWord{SeatPhase::starting, incarnation, {}}.packed(),
                  std::memory_order_release);
  MULTIPROCESSING_CRASH_POINT("pool.seat.starting");
  try {
    posts_[index].child = start_worker(index, incarnation).child();
  } catch (const std::exception&) {  // before the fork, or after it: the child was killed then
    wake_at_ = sys::deadline_after(kRetry);
    if (!take_back(index, incarnation)) return;  // it may have claimed something: adopted, cleaned
    if (++failed_forks_ < kFailedForks) return;
    keep_failure(state_);
    (void)advance_phase(state_, Phase::broken);
    return;
  }
  failed_forks_ = 0;
  MULTIPROCESSING_CRASH_POINT("pool.seat.launched");
}

// From a keeper that is a child of the fork server a worker is forked: there is nothing of the
// owner's in it either.
process::Launched Keeper::start_worker(std::uint32_t index, std::uint64_t incarnation) {
  process::LaunchOptions options;
  options.title = worker_title(options_, index);
  options.parent = plan_.owner;
  options.life_pipe_read_fd = plan_.life;
  options.ignore_sigint = true;
  options.daemon = true;
  options.listed_worker = true;
  options.path = "0:" + std::to_string(index + 1);
  options.settings = &options_.worker;
  if (options_.method != StartMethod::spawn) {
    return process::launch(options, [=, this] { return be_worker(index, incarnation); });
  }
  const SeatSeed seat{index, chosen_variables(), incarnation};
  return process::launch(StartMethod::spawn, options, worker_work(seat, options_, plan_));
}

// Runs in the worker.
int Keeper::be_worker(std::uint32_t index, std::uint64_t incarnation) {
  posts_.clear();  // the pidfds of the others
  Worker worker(view_, index, incarnation, plan_.bell_write);
  return worker.run(options_);
}

// True if a vacant seat is to be filled.
bool Keeper::wanted(Phase phase) noexcept {
  return phase == Phase::open || (phase == Phase::closed && more_to_come(view_));
}

void Keeper::look_after(std::uint32_t index) {
  Post& post = posts_[index];
  if (post.child) {
    const std::optional<int> status = post.child->poll_exit();
    post.ended = status.has_value();
    if (status) clean(index, *status);
  }
  const sys::Nanoseconds now = sys::now();
  const Phase phase = phase_of(state_);
  if (post.child) {
    if (phase >= Phase::terminating) {
      stop(post, now);
    } else {
      limit(index, now);
    }
  } else if (occupied(state_.seat(index))) {
    adopt_seat(index);
  } else if (index < wanted_seats(state_) && wanted(phase)) {
    fill(index);
  }
}

// The pool is over: SIGTERM, then SIGKILL.
void Keeper::stop(Post& post, sys::Nanoseconds now) {
  if (!post.terminated) {
    post.terminated = true;
    post.step_at = now + kTermGrace;
    post.child->end_with(SIGTERM);
  } else if (now >= post.step_at) {
    post.step_at = now + kTermGrace;
    post.child->end_with(SIGKILL);
  }
}

// The owner has cancelled the task that the worker is at.
bool Keeper::to_be_stopped(std::uint32_t index) noexcept {
  const Seat& seat = state_.seat(index);
  const DoingWord doing = DoingWord::unpack(seat.doing.load(std::memory_order_acquire));
  if (doing.what != Doing::task) return false;
  Cell* cell = view_.cell(doing.cell);
  if (cell == nullptr) return false;
  const CellWord word = CellWord::unpack(cell->word.load(std::memory_order_acquire));
  return word.state == CellState::running && word.stop && word.claimer.seat == index;
}

// A unit that overran: asked to stop, then SIGTERM, then SIGKILL; each step only if the worker is
// still at that unit. Once it is doomed, the worker begins nothing more.
void Keeper::limit(std::uint32_t index, sys::Nanoseconds now) {
  Seat& seat = state_.seat(index);
  Post& post = posts_[index];
  std::uint64_t unit = seat.limit.load(std::memory_order_acquire);
  const bool late = seat.deadline.load(std::memory_order_seq_cst) <= now;  // [L]
  if (!late && (unit & 3U) == 0 && !to_be_stopped(index)) return;
  if (post.against != unit >> 2U) post = {post.child, 0, unit >> 2U, false, false};
  if (now < post.step_at) return;
  switch (static_cast<Stage>(unit & 3U)) {
    case Stage::none:
      if (seat.limit.compare_exchange_strong(unit, unit | 1U, std::memory_order_acq_rel)) {
        post.step_at = now + kAskGrace;
      }
      break;
    case Stage::asked:
      if (seat.limit.compare_exchange_strong(unit, unit + 1, std::memory_order_acq_rel)) {
        post.step_at = now + kTermGrace;
        post.child->end_with(SIGTERM);
      }
      break;
    case Stage::doomed:
      post.step_at = now + kTermGrace;
      post.child->end_with(SIGKILL);
      break;
  }
}

// Who ends it: a worker's end, the bell, or the time of the next step.
void Keeper::wait() {
  const sys::Nanoseconds now = sys::now();
  set_alarm(now);
  std::vector<struct pollfd> watched{{plan_.bell_read, POLLIN, 0}};
  for (const Post& post : posts_) {
    // One that has ended and cannot be cleaned yet would end each wait at once.
    if (post.child && !post.ended) watched.push_back({post.child->pidfd(), POLLIN, 0});
  }
  const sys::Nanoseconds span = std::max<sys::Nanoseconds>(wake_at_ - now, 0);
  const std::timespec timeout{span / 1'000'000'000, span % 1'000'000'000};
  (void)sys::calls().poll(watched.data(), watched.size(), &timeout);
  char rings[64];
  while (sys::calls().read(plan_.bell_read, rings, sizeof rings) > 0) {
  }
  wake_at_ = 0;
}

// The alarm stands before the deadlines are read, so that a worker which begins meanwhile rings.
void Keeper::set_alarm(sys::Nanoseconds now) noexcept {
  const sys::Nanoseconds tick = now + kTick;
  state_.alarm.store(tick, std::memory_order_seq_cst);  // [L]
  sys::Nanoseconds at = wake_at_ > now ? std::min(wake_at_, tick) : tick;
  for (std::uint32_t i = 0; i < state_.seats; ++i) {
    const Post& post = posts_[i];
    if (!post.child) continue;
    const Seat& seat = state_.seat(i);
    const bool overrun = (seat.limit.load(std::memory_order_acquire) & 3U) != 0;
    const sys::Nanoseconds deadline = seat.deadline.load(std::memory_order_seq_cst);  // [L]
    at = std::min(at, post.terminated || overrun ? post.step_at : deadline);
  }
  at = std::min(at, stall_.look(view_));
  wake_at_ = at;
  state_.alarm.store(at, std::memory_order_seq_cst);
}

}  // namespace multiprocessing::pool
