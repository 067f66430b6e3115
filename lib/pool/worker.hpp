#pragma once

// A worker: the loop of a process that does the pool's tasks.
//
//   sharing   private to the worker's process; what it claims is shared (cell.hpp, job.hpp)
//   threads   the worker's main thread
//   death     cell.hpp, job.hpp, state.hpp

#include <array>
#include <cstdint>
#include <optional>

#include <multiprocessing/detail/outgoing_message.hpp>
#include <multiprocessing/detail/pool_options.hpp>
#include <multiprocessing/detail/task_options.hpp>

#include "pool/job.hpp"
#include "pool/patience.hpp"
#include "pool/state.hpp"
#include "sys/timer.hpp"

namespace multiprocessing::pool {

/// What was claimed.
struct Unit {
  std::uint32_t cell = 0;
  std::uint32_t chunk = 0;
  std::uint32_t progress = 0;
  bool job = false;
};

/// The limit of one unit or item, kept by the worker on itself and by the keeper.
class Limit {
 public:
  Limit(PoolState& state, Seat& seat, int bell) noexcept;

  /// The pool has a limit for each task and item.
  [[nodiscard]] bool wanted() const noexcept { return wanted_; }
  /// A unit begins now, and has to end by then; INT64_MAX: no limit.
  /// \throws std::system_error naming timer_create
  void begin(sys::Nanoseconds deadline);
  /// The same with the limit of the pool.
  void begin_item();
  /// It has returned. True if it had overrun.
  bool end() noexcept;
  /// The keeper is about to end this process: begin nothing more.
  [[nodiscard]] bool doomed() const noexcept { return doomed_; }
  /// The unit that goes on has overrun.
  [[nodiscard]] bool late() const noexcept;
  /// The unit has been asked to stop.
  [[nodiscard]] bool asked() const noexcept;

 private:
  PoolState& state_;
  Seat& seat_;
  int bell_;
  bool wanted_;
  bool limited_ = false;
  bool doomed_ = false;
  std::uint64_t count_ = 0;
  std::optional<sys::KillTimer> timer_;
};

/// How long a task may go on after it was asked to stop, and after SIGTERM.
inline constexpr sys::Nanoseconds kAskGrace = 100'000'000;
inline constexpr sys::Nanoseconds kTermGrace = 250'000'000;

class Worker {
 public:
  Worker(View& view, std::uint32_t seat, std::uint64_t incarnation, int bell) noexcept;

  /// Takes the seat, initializes, works until there is nothing more to do. Returns the exit code.
  int run(const PoolOptions& options);

  [[nodiscard]] std::uint32_t index() const noexcept { return me_.seat; }
  [[nodiscard]] std::uint32_t count() const noexcept { return wanted_seats(view_.state()); }
  [[nodiscard]] bool stop_requested() const noexcept;

  /// The worker that this process is; nullptr: none.
  static Worker* current() noexcept;

  // For the trampolines of tasks and jobs (run.cpp).
  [[nodiscard]] Limit& limit() noexcept { return limit_; }
  struct Running {
    Job* job = nullptr;
    std::uint64_t chunk = 0;
  };
  [[nodiscard]] const Running& running() const noexcept { return running_; }
  [[nodiscard]] std::uint32_t retries() const noexcept { return view_.state().retries; }
  [[nodiscard]] bool keeps_exit() const noexcept { return view_.state().keeps_exit != 0; }
  void store_result(Cell& cell, detail::OutgoingMessage& message);
  void item_ended() noexcept { pool::item_ended(view_.state()); }

 private:
  bool take_seat() noexcept;
  bool initialize(const PoolOptions& options);
  void loop();
  bool claim(Unit& unit) noexcept;
  bool claim_from(Ring& ring, Unit& unit) noexcept;
  bool claim_task(Cell& cell, std::uint32_t index) noexcept;
  bool claim_in_job(Cell& cell, std::uint32_t index, Unit& unit) noexcept;
  bool look_for_chunk(Job& job, Unit& unit) noexcept;
  bool try_chunk(Job& job, std::uint64_t chunk, Unit& unit) noexcept;
  void note(DoingWord doing) noexcept;
  class Idling;
  [[nodiscard]] bool retired() const noexcept;
  [[nodiscard]] bool keep_looking() const noexcept;
  bool search(Unit& unit) noexcept;
  bool park(Unit& unit) noexcept;

  enum class Outcome { good, raised, caught, late };
  void run_task(Cell& cell);
  sys::Nanoseconds begin_attempt(Cell& cell, const detail::Terms& terms);
  [[nodiscard]] static bool stopped(const Cell& cell) noexcept;
  Outcome call(Cell& cell, const detail::Terms& terms);
  void finish(Cell& cell, CellState state) noexcept;
  void run_chunk(const Unit& unit);
  bool run_items(Job& job, const Unit& unit, detail::JobRun& run);
  void* code_of(detail::CodeToken token);

  View& view_;
  Seat& seat_;
  const Claimer me_;
  const std::uint64_t incarnation_;
  Limit limit_;
  Temper temper_;
  Running running_;
  struct Known {
    detail::CodeToken token;
    void* code = nullptr;
  };
  std::array<Known, 64> known_{};
};

}  // namespace multiprocessing::pool
