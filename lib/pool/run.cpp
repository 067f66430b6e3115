// Doing what was claimed: a task, or the items of a chunk.

#include <cxxabi.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <span>
#include <thread>
#include <vector>

#include <multiprocessing/detail/exception.hpp>
#include <multiprocessing/process.hpp>

#include "pool/terms.hpp"
#include "pool/worker.hpp"
#include "shm/object.hpp"
#include "shm/process_table.hpp"
#include "shm/watch.hpp"
#include "sys/crash_point.hpp"
#include "sys/io.hpp"
#include "sys/process.hpp"

namespace multiprocessing::pool {
namespace {

constexpr sys::Nanoseconds kTimerSlack = 250'000'000;
constexpr sys::Nanoseconds kRetrySlice = 10'000'000;  // a cancelled retry ends after it

// What must not be caught: a request to end the process or the thread. In CPython's executors the
// former is the task's result.
bool passes_through(bool keeps_exit) {
  try {
    throw;
  } catch (const SystemExit&) {
    return !keeps_exit;
  } catch (const abi::__forced_unwind&) {
    throw;
  } catch (...) {
    return false;
  }
}

detail::Origin origin_of(const void* code) {
  detail::Origin origin;
  origin.process = shm::title_of(shm::self());
  origin.pid = sys::current_pid();
  if (code != nullptr) origin.function = detail::function_name(code);
  return origin;
}

std::span<const std::byte> arguments_of(const Cell& cell) noexcept {
  const auto ref = shm::BlockRef::unpack(cell.args.load(std::memory_order_acquire));
  if (!ref) return {cell.data, cell.args_size};
  auto* message = shm::block_as<shm::Message>(ref.id);
  return {message->bytes(), message->size};
}

// A result that a worker left there before it died is replaced.
void link_result(detail::OutgoingMessage& out, shm::Location& place) {
  shm::OwnedBlock block(shm::make_message(out));
  while (!shm::link(block.get(), place)) {
    shm::Block old = shm::unlink(place);
    shm::release(old);
  }
}

}  // namespace

Limit::Limit(PoolState& state, Seat& seat, int bell) noexcept
    : state_(state),
      seat_(seat),
      bell_(bell),
      wanted_(state.task_timeout != INT64_MAX || state.task_deadline != INT64_MAX) {}

void Limit::begin(sys::Nanoseconds deadline) {
  seat_.limit.store(++count_ << 2U, std::memory_order_release);  // the deadline follows
  limited_ = deadline != INT64_MAX;
  if (!limited_) return;
  if (!timer_) timer_.emplace();
  seat_.deadline.store(deadline, std::memory_order_seq_cst);  // [L]
  timer_->arm(std::max<sys::Nanoseconds>(deadline - sys::now(), 0) + kAskGrace + kTermGrace +
              kTimerSlack);
  if (state_.alarm.load(std::memory_order_seq_cst) > deadline) {  // [L]
    (void)sys::write_full(bell_, "L", 1);                         // a full pipe rings as well
  }
}

void Limit::begin_item() {
  const sys::Nanoseconds span =
      state_.task_timeout == INT64_MAX ? INT64_MAX : sys::deadline_after(state_.task_timeout);
  begin(std::min(span, state_.task_deadline));
}

bool Limit::end() noexcept {
  bool overran = false;
  if (limited_) {
    overran = sys::now() > seat_.deadline.load(std::memory_order_relaxed);  // own
    seat_.deadline.store(INT64_MAX, std::memory_order_seq_cst);
    timer_->disarm();
  }
  const std::uint64_t was = seat_.limit.exchange(++count_ << 2U, std::memory_order_acq_rel);
  doomed_ = static_cast<Stage>(was & 3U) == Stage::doomed;
  const bool stopped = limited_ && (was & 3U) != 0;
  limited_ = false;
  return overran || stopped;
}

bool Limit::late() const noexcept {
  if (!limited_) return false;
  return asked() || sys::now() > seat_.deadline.load(std::memory_order_relaxed);  // own
}

bool Limit::asked() const noexcept {
  return (seat_.limit.load(std::memory_order_acquire) & 3U) != 0;
}

void* Worker::code_of(detail::CodeToken token) {
  Known& known = known_[(token.offset >> 4U) % known_.size()];
  if (known.code == nullptr || known.token != token) {
    known = {token, detail::address_of_token(token)};
  }
  return known.code;
}

// running(me) -> done | raised | timed_out | cancelled
void Worker::run_task(Cell& cell) {
  MULTIPROCESSING_CRASH_POINT("pool.task.claimed");
  const bool plain = (cell.flags & kHasTerms) == 0 && !limit_.wanted();
  const detail::Terms terms = plain ? detail::Terms{} : terms_of(cell, view_.state());
  for (;;) {
    cell.result_size = 0;
    limit_.begin(plain ? INT64_MAX : begin_attempt(cell, terms));
    Outcome outcome = call(cell, terms);
    MULTIPROCESSING_CRASH_POINT("pool.task.stored");
    if (plain) {  // no limit to have overrun: the result, which the owner looks for, goes first
      finish(cell, outcome == Outcome::good ? CellState::done : CellState::raised);
      (void)limit_.end();
      return;
    }
    if (limit_.end()) outcome = Outcome::late;
    // relaxed: the claimer's own while it lives
    const std::uint64_t attempts = cell.attempts.load(std::memory_order_relaxed);
    const bool again = (outcome == Outcome::late || outcome == Outcome::caught) &&
                       !limit_.doomed() && may_try_again(cell, terms, attempts) && !stopped(cell);
    if (again) {
      cell.attempts.store(attempts + 1, std::memory_order_relaxed);
      continue;
    }
    const CellState ends[] = {CellState::done, CellState::raised, CellState::raised,
                              CellState::timed_out};
    return finish(cell, ends[static_cast<int>(outcome)]);
  }
}

// Waits as long as is wanted before this attempt. Returns its deadline.
sys::Nanoseconds Worker::begin_attempt(Cell& cell, const detail::Terms& terms) {
  // relaxed: the claimer's own
  if (cell.since.load(std::memory_order_relaxed) == 0) {
    cell.since.store(sys::now(), std::memory_order_relaxed);
  }
  const std::uint64_t attempts = cell.attempts.load(std::memory_order_relaxed);
  const sys::Nanoseconds until = sys::deadline_after(delay_of(terms, attempts));
  while (sys::now() < until && !stopped(cell) && phase_of(view_.state()) < Phase::terminating) {
    std::this_thread::sleep_for(
        std::chrono::nanoseconds(std::min(until - sys::now(), kRetrySlice)));
  }
  return limit_of(terms);
}

bool Worker::stopped(const Cell& cell) noexcept {
  return CellWord::unpack(cell.word.load(std::memory_order_acquire)).stop;
}

// What it has thrown is stored in the result's place.
Worker::Outcome Worker::call(Cell& cell, const detail::Terms& terms) {
  void* code = nullptr;
  try {
    code = code_of(cell.token);
    detail::TaskRun run{detail::Reader(arguments_of(cell)), this, &cell};
    run.in.take(terms_size(cell));
    reinterpret_cast<detail::TaskRunner>(code)(run);
    return Outcome::good;
  } catch (...) {
    if (passes_through(keeps_exit())) throw;
    const std::exception_ptr thrown = std::current_exception();
    try {
      detail::OutgoingMessage out;
      detail::encode_exception(out.writer(), thrown, origin_of(code));
      store_result(cell, out);
    } catch (...) {  // no memory: known by its missing text
      cell.result_size = 0;
    }
    if (terms.catches == 0) return Outcome::raised;
    const auto matches = reinterpret_cast<Retry::Matches>(code_of(terms.matches));
    return matches(thrown) ? Outcome::caught : Outcome::raised;
  }
}

void Worker::store_result(Cell& cell, detail::OutgoingMessage& message) {
  const detail::Writer& out = message.writer();
  const std::size_t offset = cell.result_offset();
  if (out.handles().empty() && offset + out.size() <= kInlineBytes) {
    if (cell.result.load(std::memory_order_relaxed) != 0) {  // of a worker that died here
      shm::Block old = shm::unlink(cell.result);
      shm::release(old);
    }
    std::memcpy(cell.data + offset, out.data(), out.size());
    cell.result_size = static_cast<std::uint16_t>(out.size());
  } else {
    link_result(message, cell.result);
  }
}

void Worker::finish(Cell& cell, CellState state) noexcept {
  std::uint64_t seen = cell.word.load(std::memory_order_relaxed);  // ours, but for W
  CellWord word = CellWord::unpack(seen);
  do {
    word = CellWord::unpack(seen);
    word.state = word.stop ? CellState::cancelled : state;
    word.waited = false;
    word.stop = false;
    // seq_cst: [E], [B]; C5
  } while (!cell.word.compare_exchange_weak(seen, word.packed(), std::memory_order_seq_cst,
                                            std::memory_order_relaxed));
  MULTIPROCESSING_CRASH_POINT("pool.task.published");
  if (CellWord::unpack(seen).waited) shm::wake(shm::low_half(cell.word), INT32_MAX);
  ring_owner(view_.state());
}

void Worker::run_chunk(const Unit& unit) {
  Job& job = job_in(*view_.cell(unit.cell));
  running_ = {&job, unit.chunk};
  detail::JobRun run{detail::Reader(nullptr, 0), nullptr, detail::Reader(nullptr, 0),
                     job.result_bytes()};
  run.first = unit.chunk * job.chunk_size;
  run.progress = unit.progress;
  run.end = job.length(unit.chunk);
  run.word = &job.chunk(unit.chunk).word;
  run.owner = chunk_owner(me_);
  run.worker = this;
  run.watched = limit_.wanted() || (job.flags & kEager) != 0;
#ifdef MULTIPROCESSING_CRASH_POINTS
  run.watched = true;
#endif
  while (!run_items(job, unit, run)) {
  }
  running_ = {};
  if (run.progress < job.length(unit.chunk)) return;  // doomed: the keeper gives the rest back
  // release: [C]
  run.word->store(ChunkWord{static_cast<std::uint32_t>(run.progress), false, 0}.packed(),
                  std::memory_order_release);
  MULTIPROCESSING_CRASH_POINT("pool.chunk.ended");
  const std::uint64_t ended = job.ended.fetch_add(1, std::memory_order_seq_cst) + 1;  // [W]
  if (ended >= job.chunks) wake_job(job);
  note({});
}

// False: what happened is the fault of the item in progress; there are more.
bool Worker::run_items(Job& job, const Unit& unit, detail::JobRun& run) {
  const auto input = shm::BlockRef::unpack(job.input.load(std::memory_order_acquire));
  const std::byte* bytes = nullptr;
  std::uint64_t size = 0;
  if (input) {
    auto* message = shm::block_as<shm::Message>(input.id);
    bytes = message->bytes();
    size = message->size;
  }
  run.function = detail::Reader(bytes, job.function_size);
  run.items = bytes + job.input_start;
  if (job.plain_items == 0) {
    const std::uint64_t start = job.input_start + job.chunk(unit.chunk).input_offset;
    run.input = detail::Reader(bytes + start, size - start);
  }
  try {
    reinterpret_cast<detail::JobRunner>(code_of(job.runner))(run);
    return true;
  } catch (...) {
    detail::begin_item(run);
    detail::fail_item(run);
    (void)detail::end_item(run);
    return run.progress >= run.end;
  }
}

}  // namespace multiprocessing::pool

namespace multiprocessing::detail {
namespace {

pool::Worker& worker_of(const JobRun& run) noexcept {
  return *static_cast<pool::Worker*>(run.worker);
}

}  // namespace

void watch_begin(JobRun& run) {
  pool::Limit& limit = worker_of(run).limit();
  if (limit.wanted()) limit.begin_item();
}

bool watch_return(JobRun& run) {
  pool::Worker& worker = worker_of(run);
  MULTIPROCESSING_CRASH_POINT("pool.item.returned");
  if (!worker.limit().wanted() || !worker.limit().end()) return true;
  const pool::Worker::Running& running = worker.running();
  if (!worker.limit().doomed() &&
      pool::may_try_again(running.job->chunk(running.chunk), run.progress, worker.retries())) {
    return false;
  }
  pool::add_failure(*running.job, running.chunk, run.progress, pool::Verdict::timed_out, 0,
                    nullptr);
  return true;
}

void watch_end(JobRun& run) {
  MULTIPROCESSING_CRASH_POINT("pool.item.done");
  pool::Worker& worker = worker_of(run);
  if (worker.limit().doomed()) run.end = run.progress;
  if ((worker.running().job->flags & pool::kEager) != 0) worker.item_ended();
}

void fail_item(JobRun& run) {
  pool::Worker& worker = worker_of(run);
  if (pool::passes_through(worker.keeps_exit())) throw;
  if (run.watched && worker.limit().late()) return;  // the overrun is what counts
  const pool::Worker::Running& running = worker.running();
  Writer out;
  encode_exception(out, std::current_exception(), pool::origin_of(nullptr));
  pool::add_failure(*running.job, running.chunk, run.progress, pool::Verdict::raised, 0, &out);
}

void put_result(TaskRun& run, OutgoingMessage& result) {
  MULTIPROCESSING_CRASH_POINT("pool.task.run");
  static_cast<pool::Worker*>(run.worker)->store_result(*static_cast<pool::Cell*>(run.cell), result);
}

void put_item(JobRun& run, OutgoingMessage& result) {
  pool::link_result(result, worker_of(run).running().job->result_block(run.first + run.progress));
  MULTIPROCESSING_CRASH_POINT("pool.item.stored");
}

}  // namespace multiprocessing::detail
