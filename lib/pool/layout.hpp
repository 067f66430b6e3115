#pragma once

// What this room lays into the arena, for its layout id (shm/layout.hpp).

#include "pool/bell.hpp"
#include "pool/cell.hpp"
#include "pool/job.hpp"
#include "pool/ring.hpp"
#include "pool/state.hpp"
#include "shm/layout.hpp"

namespace multiprocessing::pool {

inline constexpr std::uint64_t kLayout = []() consteval {
  return shm::Layout("pool", 3)
      .structure(MULTIPROCESSING_STRUCTURE(
          PoolState, phase, seats, max_units, retries, task_timeout, task_deadline, keeper, alarm,
          failed_starts, streams, failure, wanted, ranked_used, owner_bell, keepers, keeps_exit,
          stopped, spare, parked, searching, tasks, returned, cells_used, reserved_too, segments,
          ranked))
      .structure(MULTIPROCESSING_STRUCTURE(Seat, word, incarnation, doing, park, ready, deadline,
                                           limit, pid, done, since, idle, idle_since))
      .structure(MULTIPROCESSING_STRUCTURE(RingState, head, tail, current, reserved, arrays))
      .structure(MULTIPROCESSING_STRUCTURE(Cell, word, token, args_size, result_size, flags, data,
                                           args, result, obituary, attempts, since, spare))
      .structure(MULTIPROCESSING_STRUCTURE(Job, runner, items, chunk_size, chunks, stride, results,
                                           function_size, input_start, failed, flags, plain_items,
                                           input, next, ended, waited, unwritten))
      .structure(MULTIPROCESSING_STRUCTURE(ChunkRecord, word, failures, input_offset, attempts))
      .structure(MULTIPROCESSING_STRUCTURE(FailureRecord, next, item, obituary, verdict, size))
      .number(SeatWord{SeatPhase::live, 1, {2, 3}}.packed())
      .number(DoingWord{Doing::job, 1, 2}.packed())
      .number(CellWord{CellState::cancelled, true, true, {1, 2}, 3}.packed())
      .number(ChunkWord{1, true, 2}.packed())
      .number(pack_unwritten(Verdict::timed_out, 1))
      .number(pack_obituary(1, 2))
      .number(chunk_owner({1, 2}))
      .number(kFirstRing)
      .number(kFirstSegment)
      .number(kInlineBytes)
      .number(kResultBlocks | kAllFailures << 8U | kEager << 16U)
      .number(static_cast<std::uint64_t>(Phase::broken))
      .number(sizeof(Bell))
      .value();
}();

}  // namespace multiprocessing::pool
