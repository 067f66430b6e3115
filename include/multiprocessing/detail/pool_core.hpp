#pragma once

/// \file multiprocessing/detail/pool_core.hpp
/// A pool in bytes: what the templates of pool.hpp are thin wrappers of.
///
///   sharing   a Core belongs to the process that made it
///   threads   every function may be called concurrently
///   ordering  what a worker wrote is visible once its task, item or job counts as ended
///   death     that of a worker is its task's result; that of the keeper is made good by the next
///   wait

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <multiprocessing/detail/codec_stream.hpp>
#include <multiprocessing/detail/export.hpp>
#include <multiprocessing/detail/outgoing_message.hpp>
#include <multiprocessing/detail/pool_options.hpp>
#include <multiprocessing/detail/shared_future.hpp>
#include <multiprocessing/detail/thread_engine.hpp>
#include <multiprocessing/detail/token.hpp>
#include <multiprocessing/detail/worker_stats.hpp>

namespace multiprocessing::pool {
class Core;    // lib/pool/core.hpp
struct Draft;  // lib/pool/core_job.cpp
}  // namespace multiprocessing::pool

namespace multiprocessing::detail {

using PoolCore = std::shared_ptr<pool::Core>;

/// \throws ValueError for options that threads cannot have, naming the first
[[nodiscard]] MULTIPROCESSING_API ThreadEngineOptions thread_options(PoolOptions options);
/// `keeps_exit`: a SystemExit is its task's result, and does not end the worker.
/// \throws ValueError for options that cannot be had, ArenaExhausted, std::system_error
MULTIPROCESSING_API PoolCore make_pool(PoolOptions options, bool keeps_exit = false);
MULTIPROCESSING_API void close_pool(pool::Core& core);
MULTIPROCESSING_API void terminate_pool(pool::Core& core);
/// \throws ValueError while the pool is open.
MULTIPROCESSING_API void join_pool(pool::Core& core);
/// terminate and join, from a destructor; nothing in a process that did not make the pool.
MULTIPROCESSING_API void end_pool(pool::Core& core) noexcept;
/// \throws ValueError for a number that cannot be had
MULTIPROCESSING_API void resize_pool(pool::Core& core, int processes);
MULTIPROCESSING_API std::vector<WorkerStats> pool_stats(const pool::Core& core);
/// Cancels every task that has not begun.
MULTIPROCESSING_API void cancel_queued(pool::Core& core) noexcept;
/// terminate, and what runs is BrokenProcessPool; what has not begun is cancelled.
MULTIPROCESSING_API void end_workers(pool::Core& core);
/// SIGKILL for all workers.
MULTIPROCESSING_API void kill_pool(pool::Core& core) noexcept;
MULTIPROCESSING_API std::size_t pool_size(const pool::Core& core) noexcept;
/// \throws ValueError if the pool takes no more work or belongs to another process,
/// BrokenProcessPool
MULTIPROCESSING_API void require_open(const pool::Core& core);

/// A task or job that was submitted, until it is released.
struct Ticket {
  std::uint32_t cell = 0;
  std::uint32_t sequence = 0;
  std::uint64_t forks = 0;  // of the pool's process when it was submitted
};

/// The callable's name, when an error wants it.
struct TaskName {
  const void* code = nullptr;
  std::string (*text)(const void* code) = nullptr;
  std::shared_ptr<const std::string> given{};  // TaskOptions::name
  [[nodiscard]] std::string operator()() const {
    if (given) return *given;
    return text == nullptr ? "" : text(code);
  }
};

/// Tasks. `wide`: the arguments hold something that must lie at a multiple of more than 32.
struct Submission {
  CodeToken code;
  OutgoingMessage* arguments = nullptr;  // with `terms`: they stand before the arguments
  bool wide = false;
  bool terms = false;
  int priority = 0;
};
MULTIPROCESSING_API Ticket submit_task(pool::Core& core, const Submission& task);
MULTIPROCESSING_API bool task_ended(pool::Core& core, Ticket task) noexcept;
/// Cancels a task that is queued, or also one that is running, which is stopped then. False: it
/// runs or has ended.
MULTIPROCESSING_API bool cancel_task(pool::Core& core, Ticket task, bool running) noexcept;
enum class TaskStatus { queued, running, cancelled, ended };
MULTIPROCESSING_API TaskStatus task_status(pool::Core& core, Ticket task) noexcept;
/// Sees to it that the pool has a keeper.
MULTIPROCESSING_API void tend_pool(pool::Core& core);
enum class PoolVerdict { alive, terminated, broken };
MULTIPROCESSING_API PoolVerdict pool_verdict(const pool::Core& core) noexcept;

/// What becomes of a task that has not ended when its pool is terminated.
MULTIPROCESSING_API std::exception_ptr pool_terminated();

/// False: not in time. \throws BrokenProcessPool, CancelledError if the pool is terminated.
MULTIPROCESSING_API bool wait_task(pool::Core& core, Ticket task, std::int64_t deadline);
/// What an ended task has thrown, or what became of its worker; null if it has a result.
MULTIPROCESSING_API std::exception_ptr task_error(pool::Core& core, Ticket task,
                                                  const TaskName& name);
/// The encoded result; valid until the task is released.
MULTIPROCESSING_API std::span<const std::byte> task_result(pool::Core& core, Ticket task);

/// Jobs.
struct JobPlan {
  CodeToken runner;
  std::uint64_t items = 0;
  std::uint64_t chunk_size = 1;
  std::uint64_t item_size = 0;    // of plain items; 0: encoded
  std::uint64_t result_size = 0;  // of plain results; 0: none
  bool result_blocks = false;     // encoded results
  bool single_items = false;      // somebody waits for single items, and for each failure
  bool goes_on = false;           // of a stream that was open before the pool was closed
  const Writer* function = nullptr;
  const Writer* input = nullptr;                        // encoded items
  const std::vector<std::uint64_t>* offsets = nullptr;  // in it, of each chunk
};

struct DraftDeleter {
  MULTIPROCESSING_API void operator()(pool::Draft* draft) const noexcept;
};
using JobDraft = std::unique_ptr<pool::Draft, DraftDeleter>;

/// The job in memory, nobody sees it. \throws ArenaExhausted
MULTIPROCESSING_API JobDraft draft_job(pool::Core& core, const JobPlan& plan);
/// Room for the plain items, 64-aligned.
MULTIPROCESSING_API std::byte* draft_items(pool::Draft& draft) noexcept;
MULTIPROCESSING_API Ticket submit_job(pool::Core& core, JobDraft draft);

MULTIPROCESSING_API bool whole_job_ended(pool::Core& core, Ticket job) noexcept;
MULTIPROCESSING_API bool wait_job(pool::Core& core, Ticket job, std::int64_t deadline);
/// The first failure in the order of the items (one for each chunk is known); null: none.
MULTIPROCESSING_API std::exception_ptr job_error(pool::Core& core, Ticket job,
                                                 const TaskName& name);
/// The plain results of an ended job.
MULTIPROCESSING_API const std::byte* job_results(pool::Core& core, Ticket job) noexcept;

/// Single items of a job: done or failed; what became of it.
MULTIPROCESSING_API bool item_ended(pool::Core& core, Ticket job, std::uint64_t item) noexcept;
MULTIPROCESSING_API bool item_failed(pool::Core& core, Ticket job, std::uint64_t item) noexcept;
MULTIPROCESSING_API std::exception_ptr item_error(pool::Core& core, Ticket job, std::uint64_t item,
                                                  const TaskName& name);
MULTIPROCESSING_API std::span<const std::byte> item_result(pool::Core& core, Ticket job,
                                                           std::uint64_t item);
/// Waits until `ended` is true, which is asked again whenever an item of any job has ended.
MULTIPROCESSING_API bool wait_items(pool::Core& core, bool (*ended)(void*), void* argument,
                                    std::int64_t deadline);

/// A reader of results that submits jobs as it reads. Until it is closed, a pool that was closed
/// goes on for it, and `join_pool` has it submit the rest, which closes it: `feed` is called then.
MULTIPROCESSING_API void open_stream(pool::Core& core, void (*feed)(void*),
                                     const std::shared_ptr<void>& stream);
/// What `open_stream` began; nothing if it is closed already.
MULTIPROCESSING_API void close_stream(pool::Core& core, const void* stream) noexcept;

/// Lets go of a task or job; what has not ended goes on and is dropped. It stays where it is as
/// long as the future `shared` exists, or a child lives that was forked since it was submitted.
MULTIPROCESSING_API void release_ticket(pool::Core& core, Ticket ticket,
                                        HandleId shared = {}) noexcept;

/// Where others find it. The caller says what of it only he knows: job, items, load, name.
MULTIPROCESSING_API SharedTask shared_task(pool::Core& core, Ticket ticket);
/// The pool in which that task is: this process's own, or as its guest, which can wait, look and
/// cancel. \throws ValueError if it is gone
MULTIPROCESSING_API PoolCore guest_core(const SharedTask& task);
/// This process has made the pool.
MULTIPROCESSING_API bool is_owner(const pool::Core& core) noexcept;

/// In a worker.
MULTIPROCESSING_API int current_worker_index();
MULTIPROCESSING_API int current_worker_count();
MULTIPROCESSING_API bool current_stop_requested() noexcept;

}  // namespace multiprocessing::detail
