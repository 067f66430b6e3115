#pragma once

// A pool in the process that made it: submits, waits, collects, and sees to it that a keeper lives.
//
//   sharing   private to the owner; what it submits is shared (cell.hpp, job.hpp, state.hpp)
//   threads   every member may be called concurrently
//   death     workers and keeper die with the owner

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

class Core {
 public:
  using Ticket = detail::Ticket;

  Core(PoolOptions options, bool keeps_exit);
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
  void release(Ticket ticket) noexcept;
  [[nodiscard]] Cell& cell(Ticket ticket) noexcept { return *view_.cell(ticket.cell); }
  [[nodiscard]] bool task_ended(Ticket ticket) noexcept;
  bool wait_task(Ticket ticket, sys::Nanoseconds deadline);
  bool cancel(Ticket ticket, bool running) noexcept;
  void cancel_queued() noexcept;
  void tend();
  /// Why a task that has not ended never will.
  [[nodiscard]] std::exception_ptr given_up_error() const;
  [[nodiscard]] detail::PoolVerdict verdict() const noexcept;
  bool wait_job(Ticket ticket, sys::Nanoseconds deadline);
  bool wait_items(bool (*ended)(void*), void* argument, sys::Nanoseconds deadline);

 private:
  void require_owner() const;
  std::uint32_t take_cell();
  void reclaim_abandoned() noexcept;
  [[nodiscard]] bool recycle(std::uint32_t index) noexcept;
  [[nodiscard]] bool recycle_job(std::uint32_t index) noexcept;
  [[nodiscard]] bool job_is_noted(std::uint32_t index) noexcept;

  template <class Done, class Arm>
  bool wait(const std::atomic<std::uint32_t>& word, sys::Nanoseconds deadline, Done done, Arm arm);
  void check_alive();
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
  const shm::Name owner_;
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

  std::mutex streaming_;  // guards this
  std::vector<Stream> streams_;

  std::atomic<sys::Nanoseconds> looked_at_{0};  // when the kernel was last asked for the keeper
  std::mutex keeping_;                          // guards this
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
