#pragma once

// A pool in the process that made it: submits, waits, collects, and sees to it that a keeper lives.
// Or in a process that has a future of it, as a guest: that waits, looks and cancels.
//
//   sharing   private to a process; what the owner submits is shared (cell.hpp, job.hpp, state.hpp)
//   threads   every member may be called concurrently
//   death     workers and keeper die with the owner; what has not ended then is BrokenProcessPool
//   to
//             its guests

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include <multiprocessing/detail/handle.hpp>
#include <multiprocessing/detail/pool_core.hpp>

#include "pool/bell.hpp"
#include "pool/job.hpp"
#include "pool/patience.hpp"
#include "pool/stall.hpp"
#include "pool/state.hpp"
#include "process/launch.hpp"
#include "shm/block.hpp"
#include "sys/clock.hpp"
#include "sys/pipe.hpp"

namespace multiprocessing::pool {

/// A job before it is submitted.
struct Draft {
  shm::OwnedBlock job;
  shm::OwnedBlock input;
  std::byte* items = nullptr;
  std::uint32_t chunks = 0;
  bool goes_on = false;
};

/// A reader of results that submits as it reads (detail/pool_core.hpp).
struct Stream {
  void (*feed)(void*) = nullptr;
  std::weak_ptr<void> stream;
  const void* id = nullptr;
};

/// A cell that its owner does not want any more, but others may: F3 of executor/shared_future.hpp.
struct Kept {
  std::uint32_t cell;
  std::uint64_t submitted;  // at which fork of the owner: who was forked since may have it
  std::uint64_t dropped;    // and who was forked since then may not
  detail::HandleId shared;
};

class Core : public std::enable_shared_from_this<Core> {
 public:
  using Ticket = detail::Ticket;

  Core(PoolOptions options, bool keeps_exit);
  /// A guest.
  Core(detail::Handle object, shm::Name owner, std::int32_t owner_pid);
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;
  ~Core() = default;

  // The life of the pool (core_life.cpp).
  void start();
  void close();
  void terminate();
  void join();
  void end() noexcept;
  void end_workers();
  void kill_workers() noexcept;
  void require_open() const;
  void require_for(bool goes_on) const;
  void open_stream(Stream stream);
  void close_stream(const void* id) noexcept;
  void resize(int processes);
  [[nodiscard]] std::vector<WorkerStats> stats() const;
  [[nodiscard]] std::uint32_t size() const noexcept { return wanted_seats(state_); }

  // Work (core.cpp).
  Ticket submit(const detail::Submission& task);
  Ticket submit(Draft& draft);
  void release(Ticket ticket, detail::HandleId shared) noexcept;
  [[nodiscard]] Cell& cell(Ticket ticket) noexcept { return *view_.cell(ticket.cell); }
  /// Also if it is lost: see `holds`.
  [[nodiscard]] bool task_ended(Ticket ticket) noexcept;
  /// False: its cell has been used again. Not to those who hold it as `release` says.
  [[nodiscard]] bool holds(Ticket ticket) noexcept;
  bool wait_task(Ticket ticket, sys::Nanoseconds deadline);
  bool cancel(Ticket ticket, bool running) noexcept;
  void cancel_queued() noexcept;
  void tend();
  /// Why a task that has not ended never will.
  [[nodiscard]] std::exception_ptr given_up_error() const;
  [[nodiscard]] detail::PoolVerdict verdict() const noexcept;
  bool wait_job(Ticket ticket, sys::Nanoseconds deadline);
  bool wait_items(bool (*ended)(void*), void* argument, sys::Nanoseconds deadline);

  // As others see it (guest.cpp).
  [[nodiscard]] bool is_guest() const noexcept;
  [[nodiscard]] shm::Name owner() const noexcept { return owner_; }
  [[nodiscard]] std::int32_t owner_pid() const noexcept { return owner_pid_; }
  [[nodiscard]] detail::HandleId id() const noexcept { return {object_.id()}; }
  [[nodiscard]] std::exception_ptr lost_error() const;

 private:
  void require_owner() const;
  std::uint32_t take_cell();
  void reclaim_abandoned() noexcept;
  void reclaim_kept() noexcept;
  [[nodiscard]] bool recycle(std::uint32_t index) noexcept;
  [[nodiscard]] bool recycle_job(std::uint32_t index) noexcept;
  [[nodiscard]] bool job_is_noted(std::uint32_t index) noexcept;

  template <class Done, class Arm>
  bool wait(const std::atomic<std::uint32_t>& word, sys::Nanoseconds deadline, Done done, Arm arm);
  void check_alive();
  void check_as_guest();
  [[noreturn]] void throw_abandoned() const;
  [[noreturn]] void throw_broken() const;
  [[noreturn]] void throw_over() const;

  void start_keeper();
  void replace_keeper();
  void ensure_keeper();
  [[nodiscard]] bool over();
  void feed_streams();
  bool wait_for_end(sys::Nanoseconds deadline);
  void end_by_force() noexcept;
  void ring() noexcept;

  const PoolOptions options_;
  const bool guest_ = false;
  const shm::Name owner_;
  const std::int32_t owner_pid_;
  const detail::Handle owner_bell_;
  const detail::Handle object_;
  PoolState& state_;
  View view_;
  sys::Pipe bell_;
  Temper temper_;
  Stall stall_;

  std::mutex working_;                   // guards these
  std::vector<std::uint32_t> free_;      // cells
  std::deque<std::uint32_t> abandoned_;  // released before they had ended, or still noted
  std::deque<Kept> kept_;                // released, but others may still look

  std::mutex streaming_;  // guards this
  std::vector<Stream> streams_;

  std::atomic<sys::Nanoseconds> alone_since_{0};  // a guest has found no keeper since then
  std::atomic<sys::Nanoseconds> looked_at_{0};    // when the kernel was last asked for the keeper
  std::mutex keeping_;                            // guards this
  std::optional<process::Launched> keeper_;
  int failed_keepers_ = 0;  // that have ended before they had taken over, in a row
};

/// A new draft. \throws ArenaExhausted, as Core::require_open
Draft* draft(Core& core, const detail::JobPlan& plan);

/// What became of a worker, as an exception.
std::exception_ptr worker_died(std::uint64_t obituary, const detail::TaskName& name);
std::exception_ptr task_timeout(const detail::TaskName& name);
/// What becomes of a task whose worker the owner has ended.
std::exception_ptr workers_ended_error(int pid = 0, const std::string& task = {});

}  // namespace multiprocessing::pool
