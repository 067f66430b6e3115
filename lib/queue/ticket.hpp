#pragma once

// What a JoinableQueue knows of each item, from its put until it is done: one word, and the
// message.
//
// Layout of a page (1024 bytes, a block; pages are chained and stay until the queue goes)
//
//   0     next        location of the next page
//   8     tickets     63 x {word, message: location of the item's block}
//
//   word: 0..2 state, 3..18 slot + 1, 19..38 generation's low bits, 39..63 sequence
//
//            take (put)              publish (put)            claim (get)
//   free(s) -----------> filling(p,s) -----------> queued(s) -----------> reading(c,s)
//     ^ s+1                   |                        ^                      | read
//     |                       | p dead, message linked |                      v
//     |                       +------> returned(s) ----|---- claim -----> held(c,s)
//     |                                    ^           (a get)                |
//     |                                    +---- c dead, OnDeath::requeue ----+
//     +------------------- finishing(x,s) <---- task_done; or c dead ---------+
//
// Invariants
//   T1  A record in a lane names its ticket and the sequence. Whoever finds it at the head claims
//   the
//       ticket, or sees that it was claimed, and moves the head.
//   T2  An item has one ticket, and a ticket's word one owner: an item is delivered again only
//   after
//       its consumer's death, and never while its first delivery lives.
//   T3  While a ticket is in use, the item is not done: join looks at these words alone.
//   T4  Words never repeat but for one chance in 2^25, so two scans that read the same words mean
//   that
//       all of them stood so at one moment.
//
// Ordering. Each pair is named where it is used.
//   [T] every change of a word: seq_cst -> every look: seq_cst; a message is linked before its
//   ticket
//       can be claimed, and read before it is held
//   [J] finish: seq_cst on the word, then load of `joined` <-> announce on `joined`, then the scan
//
// Death
//   filling(dead), no message       the item was not put: free
//   filling(dead), with message     returned: it may be in the lane too, where T1 passes it over
//   queued                          the producer's death does not matter
//   reading(dead), held(dead)       done, or returned with OnDeath::requeue
//   finishing(dead)                 anybody goes on
//   finished, joiners not woken     the death itself wakes them (shm/watch.hpp)
// Whoever joins, or finds the queue empty, looks for the dead.
// Points: queue.ticket.{taken,linked,queued,found,claimed,held,finishing,emptied,freed,returned}

#include <cstdint>

#include "queue/queue_state.hpp"
#include "shm/object.hpp"
#include "shm/process_table.hpp"

namespace multiprocessing::lanes {

enum class TicketState : std::uint8_t { free, filling, queued, reading, held, returned, finishing };

struct TicketWord {
  TicketState state = TicketState::free;
  std::uint32_t slot = 0;  // + 1
  std::uint32_t generation_low = 0;
  std::uint32_t sequence = 0;

  [[nodiscard]] constexpr std::uint64_t packed() const noexcept {
    return static_cast<std::uint64_t>(state) | std::uint64_t{slot & 0xFFFFU} << 3U |
           std::uint64_t{generation_low & 0xFFFFFU} << 19U |
           std::uint64_t{sequence & 0x1FFFFFFU} << 39U;
  }
  static constexpr TicketWord unpack(std::uint64_t word) noexcept {
    return {static_cast<TicketState>(word & 7U), static_cast<std::uint32_t>(word >> 3U & 0xFFFFU),
            static_cast<std::uint32_t>(word >> 19U & 0xFFFFFU),
            static_cast<std::uint32_t>(word >> 39U)};
  }
};

struct Ticket {
  Word word;
  shm::Location message;
};

struct TicketPage {
  static constexpr std::size_t kTickets = 63;
  shm::Location next;
  Ticket tickets[kTickets];
  std::uint64_t reserved;
};
static_assert(sizeof(TicketPage) == 1024);

/// A ticket in one use.
struct TicketRef {
  Ticket* ticket = nullptr;
  std::uint32_t sequence = 0;
};

/// Where this process looks for free tickets: in the page that it added last, to its end, else
/// round through all pages. A forked child begins anew.
struct TicketCursor {
  TicketPage* page = nullptr;
  std::size_t index = 0;
  std::uint64_t lap = 0;      // tickets since the first page
  std::uint64_t tickets = 0;  // in all, as of the last round
  std::uint64_t looks = 0;    // saved for the search
  TicketPage* fresh = nullptr;
  std::size_t fresh_index = 0;
};

/// A free ticket, now filling(me). Requires the lane's lock, for the cursor. \throws ArenaExhausted
TicketRef take_ticket(QueueState& state, TicketCursor& cursor);
/// A put that did not come about. The message was not linked.
void give_back(TicketRef ref) noexcept;
/// filling(me) -> queued, after the publication; it may have been claimed already.
void queue_ticket(TicketRef ref) noexcept;

/// filling, queued or returned -> reading(me). False: somebody else has it.
bool claim(TicketRef ref) noexcept;
/// Of a ticket that is reading(me).
shm::Message* message_of(const TicketRef& ref) noexcept;
/// False for the copy that a forked child has of its parent's.
bool is_reading(TicketRef ref) noexcept;
/// reading(me) -> held(me).
void hold(TicketRef ref) noexcept;
/// reading(me) or held by anybody -> free, by way of finishing(me). False: it is not, any more.
bool finish(QueueState& state, TicketRef ref) noexcept;

/// Finishes the item that anybody holds. False: nobody does.
bool finish_any(QueueState& state) noexcept;
/// Looks for the dead, then claims an item that one of them has left. False: there is none, and
/// `out` is as it was.
bool claim_returned(QueueState& state, TicketRef& out) noexcept;
std::uint64_t returned_tickets(QueueState& state) noexcept;
/// There was a moment, during the call, at which no ticket was in use. Looks for the dead.
bool all_done(QueueState& state) noexcept;

void destroy_tickets(shm::Location& first) noexcept;

}  // namespace multiprocessing::lanes
