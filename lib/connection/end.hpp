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
// these holds, and its death is the end of the connection. `out` is shut down: the other side
// receives what is left, then EOF. `in` is abandoned: nobody can receive what is left, so it is
// dropped, and with it the ends in it, whose other sides then come to their end. Whoever puts at
// that moment looks after its put, and drops what it had put itself. Both ends hold both queues.
//
// Invariants
//   I1  `in`, `out` and `peer` are written before a second process knows of the end.
//   I2  A queue that an end names exists as long as the end does: the end's block holds it. Whoever
//       destroys the end touches a queue only while that hold is there, and drops it at last.
//   I3  `peer` is a guess: the other end may be gone, and its block be another.
//   I4  Whether a message was sent is told by its queue alone: one that was put, and not dropped,
//       was received or can be. Looking for the living only buries the dead, and so brings the
//       queue up to date.
//
// Death
//   in the making                 the sweep drops the maker's holds: the ends and queues go
//   any holder                    the sweep drops its hold; the last one's destroys the end
//   destroyer, before `shut`      the sweep destroys again
//   destroyer, shut or abandoned  likewise: shutting and dropping twice is doing it once
//   destroyer, one queue left     likewise, and that queue is left alone
//   sender, put, not looked       the sweep drops what is in the abandoned queue, before it drops
//                                 the sender's hold
//   sender stopped there          what it sent stays open until it goes on, or is killed
// Points: connection.pipe.{queued,made,held,paired}, connection.end.{shut,abandoned,left}

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
