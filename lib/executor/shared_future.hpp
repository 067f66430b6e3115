#pragma once

// A future that has been sent: an object of the arena, one for each, from its first send on.
//
// Layout (64 bytes, the payload of an object of kind future)
//
//   0   word      bits 0..1 pending=0 running=1 cancelled=2 finished=3; 2 somebody sleeps (W);
//                 3 asked to stop
//   4   flags     task=1: the pool's cell is the authority, the word is not used; job=2; raised=4
//   8   owner     packed name of the process that completes it, or that made the pool
//   16  type      id of the result's type, constant
//   24  contents  Location of a message. Of a task: the pool, which it keeps, the token of its
//                 loader and its name; else the outcome
//   32  cell, sequence, items   of a task: which one
//   48  pid       the owner's, for messages: its slot may be another's when it is dead
//
//               start               complete
//   pending ------------> running ------------> finished
//      |  \______________________________________^ (one that was done when it was sent)
//      +--> cancelled     by anybody
//
// Invariants
//   F1  Once a thread's future is sent, this word decides between `start` and `cancel`: the owner
//       asks it before it begins the call.
//   F2  `contents` is linked before the word is finished, and never changes.
//   F3  A pool keeps the cell of a task as long as its FutureState exists (Core::release), which
//       keeps the pool's memory.
//
// Ordering. Each pair is named where it is used.
//   [S] complete: release -> status, wait: acquire      the outcome is seen
//
// Death. What a survivor finds if a process is killed
//   sender, object made, not yet sent   nobody else has it: it goes with its maker
//   sender, after that                  the message or container holds it
//   owner, in pending or running        status() asks for the owner: finished, with BrokenExecutor.
//                                       Its death wakes every sleeper. So too if the outcome is
//                                       linked and the word is not finished yet
//   owner, finished, before its wake    the outcome is there; the death wakes every sleeper
//   canceller, before its wake          it is cancelled; the death wakes every sleeper
//   receiver, anywhere                  its hold is swept; W stays up: one wake-up too many
//   while it is destroyed               unlink and release are resumable: the sweeper does both
// Points: future.share.created .linked, future.complete.linked .finished, future.cancel.cancelled

#include <atomic>
#include <cstdint>
#include <type_traits>

#include "shm/block.hpp"

namespace multiprocessing::executor {

inline constexpr std::uint32_t kFutureStatus = 3;
inline constexpr std::uint32_t kFutureSleeper = 4;
inline constexpr std::uint32_t kFutureStop = 8;

inline constexpr std::uint32_t kFutureIsTask = 1;
inline constexpr std::uint32_t kFutureIsJob = 2;
inline constexpr std::uint32_t kFutureRaised = 4;

struct FutureState {
  std::atomic<std::uint32_t> word{0};
  std::atomic<std::uint32_t> flags{0};
  std::uint64_t owner = 0;
  std::uint64_t type = 0;
  shm::Location contents{0};
  std::uint32_t cell = 0;
  std::uint32_t sequence = 0;
  std::uint64_t items = 0;
  std::int32_t owner_pid = 0;
  std::uint32_t reserved0 = 0;
  std::uint64_t reserved1 = 0;
};
static_assert(std::is_standard_layout_v<FutureState> && sizeof(FutureState) == 64,
              "processes built apart must agree on offsets");

}  // namespace multiprocessing::executor
