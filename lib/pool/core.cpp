#include "pool/core.hpp"

#include <algorithm>
#include <cstring>

#include <multiprocessing/errors.hpp>

#include "pool/terms.hpp"
#include "shm/object.hpp"
#include "shm/process_table.hpp"
#include "shm/watch.hpp"

namespace multiprocessing::pool {
namespace {

constexpr int kReclaimAtOnce = 16;
constexpr int kLookAtKept = 2;

void put_arguments(Cell& cell, detail::OutgoingMessage& message, bool wide) {
  const detail::Writer& arguments = message.writer();
  if (!wide && arguments.handles().empty() && arguments.size() <= kInlineBytes) {
    cell.args_size = static_cast<std::uint16_t>(arguments.size());
    std::memcpy(cell.data, arguments.data(), arguments.size());
    return;
  }
  cell.args_size = 0;
  shm::OwnedBlock block(shm::make_message(message));
  (void)shm::link(block.get(), cell.args);
}

}  // namespace

// A free cell, reserved. Requires working_.
std::uint32_t Core::take_cell() {
  if (!kept_.empty()) reclaim_kept();
  if (!abandoned_.empty()) reclaim_abandoned();
  if (free_.empty()) return view_.add_cell();
  const std::uint32_t index = free_.back();
  free_.pop_back();
  return index;
}

void Core::reclaim_abandoned() noexcept {
  for (std::size_t left = std::min<std::size_t>(kReclaimAtOnce, abandoned_.size()); left > 0;
       --left) {
    const std::uint32_t index = abandoned_.front();
    abandoned_.pop_front();
    if (!recycle(index)) abandoned_.push_back(index);
  }
}

// More at a time than are added.
void Core::reclaim_kept() noexcept {
  for (std::size_t left = std::min<std::size_t>(kLookAtKept, kept_.size()); left > 0; --left) {
    const Kept kept = kept_.front();
    kept_.pop_front();
    if (shm::find_object(kept.shared.value, shm::ObjectKind::future) != nullptr ||
        shm::has_heir(kept.submitted, kept.dropped)) {
      kept_.push_back(kept);
    } else if (!recycle(kept.cell)) {
      abandoned_.push_back(kept.cell);
    }
  }
}

Core::Ticket Core::submit(const detail::Submission& task) {
  require_open();
  Ticket ticket{.forks = shm::forks_so_far()};
  {
    const std::lock_guard guard(working_);
    require_open();  // once more: whoever ends the workers cancels what was submitted before
    Ring& ring = view_.ring_for(task.priority);
    ring.reserve();  // once a cell is queued it may be claimed: nothing may fail any more
    ticket.cell = take_cell();
    Cell& cell = *view_.cell(ticket.cell);
    // relaxed: a free cell is the owner's (C1)
    CellWord word = CellWord::unpack(cell.word.load(std::memory_order_relaxed));
    ticket.sequence = word.sequence;
    try {
      cell.token = task.code;
      cell.flags = task.terms ? kHasTerms : 0;
      // Only where it is not 0: the line is the only one of a small task that nobody else writes.
      if (cell.attempts.load(std::memory_order_relaxed) != 0) {
        cell.attempts.store(0, std::memory_order_relaxed);
      }
      put_arguments(cell, *task.arguments, task.wide);
      if (task.terms) cell.since.store(0, std::memory_order_relaxed);  // C1
    } catch (...) {
      word.state = CellState::done;
      cell.word.store(word.packed(), std::memory_order_relaxed);
      (void)recycle(ticket.cell);
      throw;
    }
    word.state = CellState::queued;
    cell.word.store(word.packed(), std::memory_order_release);  // [Q]
    ring.push(ticket.cell);
  }
  announce_work(state_, 1);
  return ticket;
}

Core::Ticket Core::submit(Draft& draft) {
  require_for(draft.goes_on);
  Ticket ticket{.forks = shm::forks_so_far()};
  {
    const std::lock_guard guard(working_);
    view_.tasks.reserve();
    ticket.cell = take_cell();
    Cell& cell = *view_.cell(ticket.cell);
    CellWord word = CellWord::unpack(cell.word.load(std::memory_order_relaxed));  // C1
    ticket.sequence = word.sequence;
    auto& job = *reinterpret_cast<Job*>(draft.job.get().data());
    (void)shm::link(draft.input.get(), job.input);
    (void)shm::link(draft.job.get(), cell.args);
    word.state = CellState::job;
    cell.word.store(word.packed(), std::memory_order_release);  // [Q]
    view_.tasks.push(ticket.cell);
  }
  announce_work(state_, std::min(draft.chunks, state_.seats));
  return ticket;
}

void Core::release(Ticket ticket, detail::HandleId shared) noexcept {
  if (is_guest()) return;  // a forked copy: the cell is the owner's
  const std::lock_guard guard(working_);
  const std::uint64_t forks = shm::forks_so_far();
  if (shared != detail::HandleId{} || shm::has_heir(ticket.forks, forks)) {
    kept_.push_back({ticket.cell, ticket.forks, forks, shared});
    reclaim_kept();
  } else if (!recycle(ticket.cell)) {
    abandoned_.push_back(ticket.cell);
  }
}

// done | raised | died | timed_out (s) -> free(s+1). False: it has not ended yet.
bool Core::recycle(std::uint32_t index) noexcept {
  Cell& cell = *view_.cell(index);
  CellWord word = CellWord::unpack(cell.word.load(std::memory_order_acquire));  // [E]
  if (word.state == CellState::job || word.state == CellState::retired) return recycle_job(index);
  if (!word.ended()) return false;
  empty_cell(cell);
  cell.word.store(CellWord{CellState::free, false, false, {}, word.sequence + 1}.packed(),
                  std::memory_order_release);
  free_.push_back(index);
  return true;
}

// job(s) -> retired(s) -> free(s+1): J4.
bool Core::recycle_job(std::uint32_t index) noexcept {
  Cell& cell = *view_.cell(index);
  CellWord word = CellWord::unpack(cell.word.load(std::memory_order_relaxed));  // owner's own
  if (word.state == CellState::job) {
    const bool dropped = phase_of(state_) >= Phase::terminating && all_vacant(state_);
    if (!dropped && !job_ended(job_in(cell))) return false;
    word.state = CellState::retired;
    cell.word.store(word.packed(), std::memory_order_seq_cst);  // [N]
  }
  if (job_is_noted(index)) return false;
  empty_cell(cell);
  cell.word.store(CellWord{CellState::free, false, false, {}, word.sequence + 1}.packed(),
                  std::memory_order_release);
  free_.push_back(index);
  return true;
}

bool Core::job_is_noted(std::uint32_t index) noexcept {
  for (std::uint32_t i = 0; i < state_.seats; ++i) {
    const auto doing =
        DoingWord::unpack(state_.seat(i).doing.load(std::memory_order_seq_cst));  // [N]
    if (doing.what == Doing::job && doing.cell == index) return true;
  }
  return false;
}

bool Core::task_ended(Ticket ticket) noexcept {
  const auto word = CellWord::unpack(cell(ticket).word.load(std::memory_order_acquire));  // [E]
  return word.ended() || word.stop || word.sequence != ticket.sequence;
}

bool Core::holds(Ticket ticket) noexcept {
  const auto word = CellWord::unpack(cell(ticket).word.load(std::memory_order_acquire));
  return word.sequence == ticket.sequence;
}

// Spins, then sleeps on `word` until done() or the deadline. arm() asks to be woken and returns the
// value to sleep on. Who wakes it: the worker that ends what is waited for; the keeper, if that
// worker dies; any death in the family, the keeper's included, by the watch.
template <class Done, class Arm>
bool Core::wait(const std::atomic<std::uint32_t>& word, sys::Nanoseconds deadline, Done done,
                Arm arm) {
  if (done()) return true;
  if (deadline <= 0) {
    if (is_guest()) {
      check_as_guest();
    } else if (phase_of(state_) < Phase::terminating) {
      ensure_keeper();
    }
    return false;
  }
  for (Patience patience(temper_); patience.again();) {
    if (done()) return true;
  }
  shm::Sleeper sleeper(word);
  for (;;) {
    sleeper.note();
    const std::uint32_t expected = arm();
    if (done()) return true;
    check_alive();
    if (!sleeper.sleep(expected, deadline)) return done();
  }
}

bool Core::wait_task(Ticket ticket, sys::Nanoseconds deadline) {
  std::atomic<std::uint64_t>& word = cell(ticket).word;
  return wait(
      shm::low_half(word), deadline, [&] { return task_ended(ticket); },
      [&] {
        std::uint64_t seen = word.load(std::memory_order_acquire);
        CellWord waited = CellWord::unpack(seen);
        while (!waited.ended() && !waited.stop && !waited.waited &&
               waited.sequence == ticket.sequence) {
          waited.waited = true;  // C5
          if (word.compare_exchange_weak(seen, waited.packed(), std::memory_order_acq_rel)) break;
          waited = CellWord::unpack(seen);
        }
        return static_cast<std::uint32_t>(waited.packed());
      });
}

bool Core::wait_job(Ticket ticket, sys::Nanoseconds deadline) {
  if (!holds(ticket)) return true;
  Job& job = job_in(cell(ticket));
  // While it lasts, leave the words to the workers and look at the hint; it is short of the truth
  // only if a worker died, and then a sleeper is woken.
  std::uint64_t hint = ~std::uint64_t{0};
  bool asleep = false;
  return wait(
      job.waited, deadline,
      [&] {
        const std::uint64_t ended = job.ended.load(std::memory_order_acquire);
        if (!asleep && ended == hint && ended < job.chunks) return false;
        hint = ended;
        return job_ended(job);
      },
      [&] {
        asleep = true;
        return arm(job.waited);  // [W]
      });
}

bool Core::wait_items(bool (*ended)(void*), void* argument, sys::Nanoseconds deadline) {
  require_owner();
  Bell& bell = bell_in(owner_bell_);
  return wait(bell, deadline, [&] { return ended(argument); }, [&] { return arm(bell); });
}

// queued -> cancelled; running -> running, to be stopped. True: it is cancelled, whatever it does.
bool Core::cancel(Ticket ticket, bool running) noexcept {
  std::atomic<std::uint64_t>& place = cell(ticket).word;
  std::uint64_t seen = place.load(std::memory_order_acquire);  // [E]
  for (;;) {
    CellWord word = CellWord::unpack(seen);
    if (word.sequence != ticket.sequence) return false;
    if (word.state == CellState::cancelled || word.stop) return true;
    const bool waited = word.waited;
    if (word.state == CellState::queued) {
      word.state = CellState::cancelled;
      word.waited = false;
    } else if (word.state == CellState::running && running) {
      word.stop = true;
    } else {
      return false;
    }
    if (!place.compare_exchange_weak(seen, word.packed(), std::memory_order_seq_cst)) continue;
    if (waited) shm::wake(shm::low_half(place), INT32_MAX);
    ring_owner(state_);
    if (word.stop) ring();
    return true;
  }
}

void Core::cancel_queued() noexcept {
  // relaxed: the owner alone writes it
  const std::uint32_t used = state_.cells_used.load(std::memory_order_relaxed);
  for (std::uint32_t i = 0; i < used; ++i) {
    const auto word = CellWord::unpack(view_.cell(i)->word.load(std::memory_order_acquire));
    (void)cancel({i, word.sequence}, false);
  }
}

detail::PoolVerdict Core::verdict() const noexcept {
  const Phase phase = phase_of(state_);
  if (phase == Phase::broken || workers_ended(state_) || (is_guest() && shm::is_dead(owner_))) {
    return detail::PoolVerdict::broken;
  }
  return phase == Phase::terminating ? detail::PoolVerdict::terminated : detail::PoolVerdict::alive;
}

// Requires that the pool is terminating or broken, or its process dead.
void Core::throw_over() const {
  const Phase phase = phase_of(state_);
  if (phase == Phase::broken) throw_broken();
  if (phase < Phase::terminating && is_guest()) throw_abandoned();
  if (workers_ended(state_)) std::rethrow_exception(workers_ended_error());
  std::rethrow_exception(detail::pool_terminated());
}

std::exception_ptr Core::given_up_error() const {
  try {
    throw_over();
  } catch (...) {
    return std::current_exception();
  }
}

void Core::tend() {
  if (is_guest()) return;  // the keeper is the owner's child
  if (phase_of(state_) < Phase::terminating) ensure_keeper();
}

// Nothing that is waited for may depend on a keeper that is gone.
void Core::check_alive() {
  if (phase_of(state_) >= Phase::terminating) throw_over();
  if (is_guest()) return check_as_guest();
  ensure_keeper();
}

}  // namespace multiprocessing::pool
