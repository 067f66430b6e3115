#pragma once

// What this room lays into the arena, for its layout id (shm/layout.hpp).

#include "queue/bell_list.hpp"
#include "queue/credits.hpp"
#include "queue/lane.hpp"
#include "queue/queue_state.hpp"
#include "queue/ticket.hpp"
#include "queue/wait_word.hpp"
#include "shm/layout.hpp"

namespace multiprocessing::lanes {

inline constexpr std::uint64_t kLayout = []() consteval {
  return shm::Layout("queue", 1)
      .structure(MULTIPROCESSING_STRUCTURE(QueueState, maxsize, credits, shutdown, bells, tickets,
                                           joined, mode, items, space, reserved, freed, lanes,
                                           groups))
      .structure(MULTIPROCESSING_STRUCTURE(Lane, owner, dropped, tail, puts, head, segments))
      .structure(MULTIPROCESSING_STRUCTURE(Segment, block, where))
      .structure(MULTIPROCESSING_STRUCTURE(BellPage, next, notes, reserved))
      .structure(MULTIPROCESSING_STRUCTURE(BellNote, owner, state))
      .structure(MULTIPROCESSING_STRUCTURE(TicketPage, next, tickets, reserved))
      .structure(MULTIPROCESSING_STRUCTURE(Ticket, word, message))
      .number(Record{RecordKind::ticket, 1, 2}.packed())
      .number(Owner{1, 2, 3}.packed())
      .number(TicketWord{TicketState::finishing, 1, 2, 3}.packed())
      .number(credit_of(1, 2, 3))
      .number(place_of(1, 2))
      .number(where_of(64, 2))
      .number(group_bytes(1))
      .number(group_bytes(10))
      .number(kInlineBytes)
      .number(kJoinable | kRequeues << 8U)
      .number(kShut | kImmediate << 8U)
      .value();
}();

}  // namespace multiprocessing::lanes
