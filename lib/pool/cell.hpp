#pragma once

// One unit of work: a task with its arguments and, later, its result; or the name of a job.
//
// Layout (256 bytes, 64-aligned; a cell's memory stays a cell as long as the pool lives)
//
//   0    word       bits 0..3 state; 4 somebody waits (W); 5..19 seat; 20 to be stopped (S); 21..31
//   the seat's
//                   incarnation, low bits; 32..63 sequence, one more at each use of the cell
//   8    token      the trampoline (16 bytes)
//   24   sizes      arguments, result, flags
//   32   data       arguments, then (8-aligned) the result, if they fit; a small task is one line
//   192  args       Location of a message with the arguments, or of a job (job.hpp)
//   200  result     Location of a message with the result
//   208  obituary   how the worker ended that died in it: pid << 32 | exit code or -signal
//   216  attempts   how often it has died or overrun so far
//   224  since      when its first attempt began, if it has terms (terms.hpp)
//
//            submit             claim(seat)             finish
//   free(s) --------> queued(s) ----------> running(s) --------> done | raised | timed_out(s)
//     ^ ^               ^                       |                    |
//     | |               +----- clean, retry ----+                    |
//     | |                                       +-- clean --> died | timed_out(s)
//     | +------------------------ release (s+1) ---------------------+
//     +-- release (s+1) -- retired(s) <- owner - job(s) <- submit - free(s)
//     +-- release (s+1) -- cancelled(s) <- owner - queued(s); by finish or clean: running(s, S)
//
// Invariants
//   C1  free, done, raised, died, timed_out: only the pool's owner changes the cell; guests read it
//       as long as the owner keeps it for them (Core::release).
//   C2  running(seat, i): only that worker touches it; its seat's note names the cell (seat.hpp).
//   C3  A claim of any queued cell is right, however the claimer came by it: the ring that led to
//       it is a hint.
//   C4  retired: a job that is over, freed when no seat's note names its cell.
//   C5  W and S are set by those who wait for it or cancel it, the owner and its guests, while the
//       cell is queued or running; whoever ends the cell clears W and wakes. S: whatever becomes of
//       the task, it is cancelled; the keeper stops it.
//
// Ordering
//   [Q] submit: release (word) -> claim: acquire      the worker sees the arguments
//   [E] finish, clean: release (word) -> owner's look: acquire      it sees the result
//
// Death
//   owner                      everything goes: workers and keeper hang on its life pipe
//   worker before its claim    the cell is queued
//   worker in running          the keeper finds the cell in the seat's note: died or queued again
//   worker after its finish    nothing: the result is there; a lost wake-up is made good by the
//                              death itself, which wakes the owner's sleepers
//   keeper in clean            the next keeper cleans the seat from the start: each step is a
//                              compare-exchange from the dead worker's exact word
// Points: pool.task.noted .claimed .run .stored .published, pool.clean.begun .marked .pushed
//   .cleared .vacated

#include <atomic>
#include <cstddef>
#include <cstdint>

#include <multiprocessing/detail/token.hpp>

#include "shm/block.hpp"

namespace multiprocessing::pool {

enum class CellState : std::uint8_t {
  free,
  queued,
  running,
  done,
  raised,
  died,
  timed_out,
  job,
  retired,
  cancelled
};

inline constexpr std::uint32_t kIncarnationMask = 0x7FF;

/// Who claims: a seat and which of its workers. The seat names the process.
struct Claimer {
  std::uint32_t seat = 0;
  std::uint32_t incarnation = 0;  // low bits: a seat is filled anew only after it was cleaned
  friend bool operator==(const Claimer&, const Claimer&) = default;
};

/// A cell's word, unpacked.
struct CellWord {
  CellState state = CellState::free;
  bool waited = false;
  bool stop = false;
  Claimer claimer{};
  std::uint32_t sequence = 0;

  [[nodiscard]] constexpr std::uint64_t packed() const noexcept {
    return static_cast<std::uint64_t>(state) | (waited ? 16U : 0U) |
           std::uint64_t{claimer.seat} << 5U | (stop ? std::uint64_t{1} << 20U : 0U) |
           std::uint64_t{claimer.incarnation & kIncarnationMask} << 21U |
           std::uint64_t{sequence} << 32U;
  }
  static constexpr CellWord unpack(std::uint64_t word) noexcept {
    return {static_cast<CellState>(word & 15U),
            (word & 16U) != 0,
            (word >> 20U & 1U) != 0,
            {static_cast<std::uint32_t>(word >> 5U) & 0x7FFFU,
             static_cast<std::uint32_t>(word >> 21U) & kIncarnationMask},
            static_cast<std::uint32_t>(word >> 32U)};
  }
  [[nodiscard]] constexpr bool ended() const noexcept {
    return state != CellState::queued && state != CellState::running;
  }
};
static_assert(CellWord::unpack(CellWord{CellState::running, true, false, {32767, 2047}, 7}.packed())
                  .claimer == Claimer{32767, 2047});

inline constexpr std::size_t kInlineBytes = 160;

struct alignas(64) Cell {
  std::atomic<std::uint64_t> word;
  detail::CodeToken token;
  std::uint16_t args_size;
  std::uint16_t result_size;
  std::uint32_t flags;
  std::byte data[kInlineBytes];
  shm::Location args;
  shm::Location result;
  std::atomic<std::uint64_t> obituary;
  std::atomic<std::uint64_t> attempts;
  std::atomic<std::int64_t> since;
  std::byte spare[24];

  [[nodiscard]] std::size_t result_offset() const noexcept { return (args_size + 7U) & ~7U; }
};
static_assert(sizeof(Cell) == 256 && offsetof(Cell, data) == 32 && offsetof(Cell, args) == 192,
              "a small task and its result are one cache line");

constexpr std::uint64_t pack_obituary(std::int32_t pid, std::int32_t status) noexcept {
  return std::uint64_t{static_cast<std::uint32_t>(pid)} << 32U | static_cast<std::uint32_t>(status);
}
constexpr std::int32_t pid_in(std::uint64_t obituary) noexcept {
  return static_cast<std::int32_t>(obituary >> 32U);
}
constexpr std::int32_t status_in(std::uint64_t obituary) noexcept {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(obituary));
}
/// The status of one that was killed, by all that is known for want of memory.
inline constexpr std::int32_t kOutOfMemory = -1000;
/// That of one whose pool was ended by terminate_workers or kill_workers.
inline constexpr std::int32_t kWorkersEnded = -1001;

}  // namespace multiprocessing::pool
