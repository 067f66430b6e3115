#pragma once

// What the family shares of a pipe: two ends, and a queue for each direction.
//
// Layout (payload of an object of ObjectKind::connection, 32 bytes)
//
//   0     in         id of the queue that this end receives from; 0: it only sends
//   8     out        id of the queue that it sends to; 0: it only receives
//   16    peer       id of the other end
//   24    reserved
//
//   made --- hold, drop by processes and messages ---> unheld: destroyed ---> both queues shut down
//
// An end is held one by one (shm/object.hpp): by each process that has it open, from before its
// birth on if it was forked, and by each message that carries it. The end dies with the last of
// these holds, and its death is the end of the connection: the queues are shut down, so that the
// other side receives what is left, then EOF, and cannot send. Both ends hold both queues.
//
// Invariants
//   I1  `in`, `out` and `peer` are written before a second process knows of the end.
//   I2  A queue that an end names exists as long as the end does: the end's block holds it.
//   I3  `peer` is a guess: the other end may be gone, and its block be another.
//
// Death
//   in the making                 the sweep drops the maker's holds: the ends and queues go
//   any holder                    the sweep drops its hold; the last one's destroys the end
//   destroyer, before `shut`      the sweep destroys again
//   destroyer, shut, queues held  likewise: leaving a hold twice is leaving it once
// Points: connection.pipe.{queued,made,held,paired}, connection.end.{shut,left}

#include <atomic>
#include <cstdint>

#include "shm/object.hpp"

namespace multiprocessing::connection {

struct EndState {
  shm::ObjectId in;
  shm::ObjectId out;
  std::atomic<shm::ObjectId> peer;
  std::uint64_t reserved;
};
static_assert(sizeof(EndState) == 32);

/// So that this process can sweep the ends of others. At load, and again at first use.
void register_ends() noexcept;

}  // namespace multiprocessing::connection
