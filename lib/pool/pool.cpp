// The functions of detail/pool_core.hpp: the pool as the templates see it.

#include <multiprocessing/detail/local_task.hpp>
#include <multiprocessing/detail/thread_engine.hpp>
#include <multiprocessing/pool.hpp>

#include <csignal>
#include <cstring>
#include <utility>

#include "pool/core.hpp"
#include "pool/worker.hpp"
#include "shm/object.hpp"
#include "wire/memory_death.hpp"

namespace multiprocessing::pool {

std::exception_ptr workers_ended_error(int pid, const std::string& task) {
  std::string text = task.empty() ? "the task" : "the task " + task;
  text += " was running when terminate_workers() or kill_workers() ended its worker";
  if (pid != 0) text += ", process " + std::to_string(pid);
  return std::make_exception_ptr(
      BrokenProcessPool(text + ": give it to another executor (shutdown() waits for tasks)"));
}

std::exception_ptr worker_died(std::uint64_t obituary, const detail::TaskName& name) {
  if (status_in(obituary) == kWorkersEnded) return workers_ended_error(pid_in(obituary), name());
  const bool for_memory = status_in(obituary) == kOutOfMemory;
  const std::int32_t status = for_memory ? -SIGKILL : status_in(obituary);
  const auto signal = status < 0 ? std::optional<int>(-status) : std::nullopt;
  const auto code = status < 0 ? std::nullopt : std::optional<int>(status);
  const WorkerDied death(pid_in(obituary), signal, code, name());
  if (for_memory) return std::make_exception_ptr(wire::MemoryDeath(death));
  return std::make_exception_ptr(death);
}

std::exception_ptr task_timeout(const detail::TaskName& name) {
  const std::string task = name();
  return std::make_exception_ptr(
      TaskTimeout((task.empty() ? std::string("the task") : "the task " + task) +
                  " overran its time limit and was ended (give it more time, or retry it)"));
}

namespace {

std::exception_ptr task_cancelled() {
  return std::make_exception_ptr(CancelledError());
}

std::exception_ptr unwritten_exception() {
  return std::make_exception_ptr(
      ArenaExhausted("what the task threw could not be kept: no memory is left for it"));
}

std::span<const std::byte> message_at(const shm::Location& place) noexcept {
  const auto ref = shm::BlockRef::unpack(place.load(std::memory_order_acquire));
  if (!ref) return {};
  auto* message = shm::block_as<shm::Message>(ref.id);
  return {message->bytes(), message->size};
}

std::exception_ptr failure(const FailureRecord* record, const detail::TaskName& name) {
  if (record == nullptr) return nullptr;
  if (record->verdict == Verdict::died) return worker_died(record->obituary, name);
  if (record->verdict == Verdict::timed_out) return task_timeout(name);
  if (record->size == 0) return unwritten_exception();
  detail::Reader in(reinterpret_cast<const std::byte*>(record + 1), record->size);
  return detail::decode_exception(in);
}

// Of an item whose failure could not be recorded.
std::exception_ptr unwritten(const Job& job, const detail::TaskName& name) {
  // relaxed: the progress that led here was read by acquire, [C]
  const std::uint64_t word = job.unwritten.load(std::memory_order_relaxed);
  if (word == 0) return nullptr;
  switch (verdict_in(word)) {
    case Verdict::died:
      return worker_died(obituary_in(word), name);
    case Verdict::timed_out:
      return task_timeout(name);
    default:
      return unwritten_exception();
  }
}

}  // namespace
}  // namespace multiprocessing::pool

namespace multiprocessing::detail {

using pool::CellState;
using pool::CellWord;
using pool::Core;

PoolCore make_pool(PoolOptions options, bool keeps_exit) {
  auto core = std::make_shared<Core>(std::move(options), keeps_exit);
  core->start();
  return core;
}
void close_pool(Core& core) {
  core.close();
}
void terminate_pool(Core& core) {
  core.terminate();
}
void join_pool(Core& core) {
  core.join();
  flush_callbacks();  // who has joined may let go of what they use
}
void end_pool(Core& core) noexcept {
  core.end();
}
void resize_pool(Core& core, int processes) {
  core.resize(processes);
}
std::vector<WorkerStats> pool_stats(const Core& core) {
  return core.stats();
}
void cancel_queued(Core& core) noexcept {
  core.cancel_queued();
}
void end_workers(Core& core) {
  core.end_workers();
}
void kill_pool(Core& core) noexcept {
  core.kill_workers();
}
std::size_t pool_size(const Core& core) noexcept {
  return core.size();
}
void require_open(const Core& core) {
  core.require_open();
}

std::exception_ptr pool_terminated() {
  return std::make_exception_ptr(CancelledError(
      "the pool was terminated before the task ended: close() and join() wait for it"));
}

Ticket submit_task(Core& core, const Submission& task) {
  return core.submit(task);
}
bool cancel_task(Core& core, Ticket task, bool running) noexcept {
  return core.cancel(task, running);
}
TaskStatus task_status(Core& core, Ticket task) noexcept {
  const CellWord word =
      CellWord::unpack(core.cell(task).word.load(std::memory_order_seq_cst));  // [E], [B]
  if (word.sequence != task.sequence) return TaskStatus::ended;
  if (word.stop || word.state == CellState::cancelled) return TaskStatus::cancelled;
  if (word.state == CellState::queued) return TaskStatus::queued;
  return word.state == CellState::running ? TaskStatus::running : TaskStatus::ended;
}
void tend_pool(Core& core) {
  core.tend();
}
PoolVerdict pool_verdict(const Core& core) noexcept {
  return core.verdict();
}
bool task_ended(Core& core, Ticket task) noexcept {
  return core.task_ended(task);
}
bool wait_task(Core& core, Ticket task, std::int64_t deadline) {
  return core.wait_task(task, deadline);
}

std::span<const std::byte> task_result(Core& core, Ticket task) {
  const pool::Cell& cell = core.cell(task);
  if (cell.result.load(std::memory_order_acquire) != 0) return pool::message_at(cell.result);
  return {cell.data + cell.result_offset(), cell.result_size};
}

std::exception_ptr task_error(Core& core, Ticket task, const TaskName& name) {
  const pool::Cell& cell = core.cell(task);
  if (!core.holds(task)) return core.lost_error();
  switch (CellWord::unpack(cell.word.load(std::memory_order_acquire)).state) {
    case CellState::raised: {
      const std::span<const std::byte> bytes = task_result(core, task);
      if (bytes.empty()) return pool::unwritten_exception();
      Reader in(bytes);
      return decode_exception(in);
    }
    case CellState::cancelled:
      return pool::task_cancelled();
    case CellState::running:  // to be stopped, or the pool has ended
      return core.verdict() == PoolVerdict::broken ? core.given_up_error() : pool::task_cancelled();
    case CellState::died:
      return pool::worker_died(cell.obituary.load(std::memory_order_relaxed), name);  // [E] above
    case CellState::timed_out:
      return pool::task_timeout(name);
    case CellState::queued:
      return core.given_up_error();
    default:
      return nullptr;
  }
}

void DraftDeleter::operator()(pool::Draft* draft) const noexcept {
  delete draft;
}

JobDraft draft_job(Core& core, const JobPlan& plan) {
  return JobDraft(pool::draft(core, plan));
}
std::byte* draft_items(pool::Draft& draft) noexcept {
  return draft.items;
}
Ticket submit_job(Core& core, JobDraft draft) {
  return core.submit(*draft);
}

bool whole_job_ended(Core& core, Ticket job) noexcept {
  return !core.holds(job) || pool::job_ended(pool::job_in(core.cell(job)));
}
bool wait_job(Core& core, Ticket job, std::int64_t deadline) {
  return core.wait_job(job, deadline);
}

std::exception_ptr job_error(Core& core, Ticket ticket, const TaskName& name) {
  if (!core.holds(ticket)) return core.lost_error();
  pool::Job& job = pool::job_in(core.cell(ticket));
  for (std::uint64_t i = 0; i < job.chunks; ++i) {
    if (const auto* record = pool::first_failure(job, i)) return pool::failure(record, name);
  }
  if (const auto error = pool::unwritten(job, name)) return error;
  return pool::job_ended(job) ? nullptr : core.given_up_error();
}

const std::byte* job_results(Core& core, Ticket job) noexcept {
  return pool::job_in(core.cell(job)).result_bytes();
}

bool item_ended(Core& core, Ticket ticket, std::uint64_t item) noexcept {
  pool::Job& job = pool::job_in(core.cell(ticket));
  const std::uint64_t word =
      job.chunk(item / job.chunk_size).word.load(std::memory_order_acquire);  // [C]
  return pool::ChunkWord::unpack(word).progress > item % job.chunk_size;
}

bool item_failed(Core& core, Ticket ticket, std::uint64_t item) noexcept {
  pool::Job& job = pool::job_in(core.cell(ticket));
  // relaxed: the caller has seen that the item has ended, by acquire
  return (job.failed_bits(item).load(std::memory_order_relaxed) >> item % 64 & 1U) != 0;
}

std::exception_ptr item_error(Core& core, Ticket ticket, std::uint64_t item, const TaskName& name) {
  pool::Job& job = pool::job_in(core.cell(ticket));
  const std::uint64_t chunk = item / job.chunk_size;
  const pool::FailureRecord* record = pool::failure_of(job, chunk, item % job.chunk_size);
  if (record != nullptr) return pool::failure(record, name);
  return pool::unwritten(job, name);
}

std::span<const std::byte> item_result(Core& core, Ticket ticket, std::uint64_t item) {
  pool::Job& job = pool::job_in(core.cell(ticket));
  return pool::message_at(job.result_block(item));
}

bool wait_items(Core& core, bool (*ended)(void*), void* argument, std::int64_t deadline) {
  return core.wait_items(ended, argument, deadline);
}

void open_stream(Core& core, void (*feed)(void*), const std::shared_ptr<void>& stream) {
  core.open_stream({feed, stream, stream.get()});
}
void close_stream(Core& core, const void* stream) noexcept {
  core.close_stream(stream);
}

void release_ticket(Core& core, Ticket ticket, HandleId shared) noexcept {
  core.release(ticket, shared);
}

namespace {

pool::Worker& require_worker() {
  pool::Worker* const worker = pool::Worker::current();
  if (worker == nullptr) throw ValueError("this process is no worker of a pool");
  return *worker;
}

}  // namespace

int current_worker_index() {
  if (const int thread = current_thread_index(); thread >= 0) return thread;
  return static_cast<int>(require_worker().index());
}
int current_worker_count() {
  if (const int threads = current_thread_count(); threads >= 0) return threads;
  return static_cast<int>(require_worker().count());
}
bool current_stop_requested() noexcept {
  if (const LocalStop* const here = LocalStop::current()) return here->asked();
  const pool::Worker* const worker = pool::Worker::current();
  return worker != nullptr && worker->stop_requested();
}

}  // namespace multiprocessing::detail
