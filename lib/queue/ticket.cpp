#include "queue/ticket.hpp"

#include <algorithm>
#include <climits>
#include <new>
#include <utility>

#include "queue/wait_word.hpp"
#include "shm/hold_list.hpp"
#include "shm/slot_word.hpp"
#include "sys/crash_point.hpp"

namespace multiprocessing::lanes {
namespace {

// A put earns so many looks for a free ticket, and saves what it does not need, up to those for all
// tickets there are. So the search passes by any number of items that are long in hand, and pages
// are added only while more than three quarters of all tickets are in use. A process begins with
// looks at all of them: else each of many that put an item or two would add a page.
constexpr std::uint64_t kLooks = 4;
constexpr std::uint64_t kLeastSaved = 2 * TicketPage::kTickets;

TicketWord mine(TicketState state, std::uint32_t sequence) noexcept {
  const shm::Name me = shm::self();
  return {state, me.slot + 1, static_cast<std::uint32_t>(me.generation) & 0xFFFFFU, sequence};
}

TicketWord look(const Ticket& ticket) noexcept {
  return TicketWord::unpack(ticket.word.load(std::memory_order_seq_cst));  // [T]
}

bool replace(Ticket& ticket, TicketWord from, TicketWord to) noexcept {
  std::uint64_t expected = from.packed();
  return ticket.word.compare_exchange_strong(expected, to.packed(),
                                             std::memory_order_seq_cst,  // [T]
                                             std::memory_order_relaxed);
}

TicketPage* page_at(const shm::Location& location) noexcept {
  const auto ref = shm::BlockRef::unpack(location.load(std::memory_order_acquire));  // shm's [L]
  return ref && shm::is_linked(ref) ? shm::block_as<TicketPage>(ref.id) : nullptr;
}

TicketPage& page_or_new(shm::Location& location) {
  for (;;) {
    if (TicketPage* page = page_at(location)) return *page;
    shm::OwnedBlock block(shm::allocate(sizeof(TicketPage)));
    new (block.get().data()) TicketPage{};
    if (shm::link(block.get(), location)) (void)block.let_go();  // else: somebody else's
  }
}

template <class F>
bool any_ticket(QueueState& state, F visit) {
  for (TicketPage* page = page_at(state.tickets); page != nullptr; page = page_at(page->next)) {
    for (Ticket& ticket : page->tickets) {
      if (visit(ticket)) return true;
    }
  }
  return false;
}

bool has_owner(TicketWord word) noexcept {
  return word.state == TicketState::filling || word.state == TicketState::reading ||
         word.state == TicketState::held || word.state == TicketState::finishing;
}

bool owner_is_dead(TicketWord word) noexcept {
  if (mine(word.state, word.sequence).packed() == word.packed()) return false;
  const std::uint32_t slot = word.slot - 1;
  const std::uint64_t generation =
      shm::generation_of(shm::slot_at(slot).state.load(std::memory_order_acquire));
  if ((static_cast<std::uint32_t>(generation) & 0xFFFFFU) != word.generation_low) return true;
  return shm::bury_if_dead({slot, generation});
}

// finishing(me) -> free. Each step may be done again.
void free_ticket(QueueState& state, Ticket& ticket, TicketWord finishing) noexcept {
  shm::Block message = shm::unlink(ticket.message);
  MULTIPROCESSING_CRASH_POINT("queue.ticket.emptied");
  if (message) shm::release(message);
  (void)replace(ticket, finishing, {TicketState::free, 0, 0, finishing.sequence + 1});
  MULTIPROCESSING_CRASH_POINT("queue.ticket.freed");
  // seq_cst: [J]
  if ((state.joined.load(std::memory_order_seq_cst) & kSomebody) != 0) {
    wake_sleepers(state.joined, INT_MAX);
  }
}

bool finish_from(QueueState& state, Ticket& ticket, TicketWord seen) noexcept {
  const TicketWord finishing = mine(TicketState::finishing, seen.sequence);
  if (!replace(ticket, seen, finishing)) return false;
  MULTIPROCESSING_CRASH_POINT("queue.ticket.finishing");
  free_ticket(state, ticket, finishing);
  return true;
}

// What a dead owner has left: see the table.
void settle_dead(QueueState& state, Ticket& ticket, TicketWord seen) noexcept {
  const bool linked = ticket.message.load(std::memory_order_acquire) != 0;
  const bool again =
      seen.state == TicketState::filling
          ? linked
          : seen.state != TicketState::finishing && (state.mode & kRequeues) != 0 && linked;
  if (!again) {
    (void)finish_from(state, ticket, seen);
    return;
  }
  if (!replace(ticket, seen, {TicketState::returned, 0, 0, seen.sequence})) return;
  MULTIPROCESSING_CRASH_POINT("queue.ticket.returned");
  published(state.items, state.bells, false, 1);
}

// Whether the ticket is in use by somebody who lives, or by nobody in particular.
void bury_owner(QueueState& state, Ticket& ticket) noexcept {
  const TicketWord seen = look(ticket);
  if (has_owner(seen) && owner_is_dead(seen)) settle_dead(state, ticket, seen);
}

bool take_if_free(Ticket& ticket, TicketRef& out) noexcept {
  const TicketWord seen = look(ticket);
  if (seen.state != TicketState::free) return false;
  const TicketWord filling = mine(TicketState::filling, seen.sequence);
  if (!replace(ticket, seen, filling)) return false;
  MULTIPROCESSING_CRASH_POINT("queue.ticket.taken");
  out = {&ticket, filling.sequence};
  return true;
}

void turn_page(QueueState& state, TicketCursor& cursor) noexcept {
  cursor.lap += TicketPage::kTickets;
  cursor.index = 0;
  cursor.page = page_at(cursor.page->next);
  if (cursor.page != nullptr) return;
  cursor.page = page_at(state.tickets);
  cursor.tickets = std::exchange(cursor.lap, 0);
}

void begin_search(QueueState& state, TicketCursor& cursor) {
  TicketPage* const first = &page_or_new(state.tickets);
  std::uint64_t tickets = 0;
  for (TicketPage* page = first; page != nullptr; page = page_at(page->next)) {
    tickets += TicketPage::kTickets;
  }
  cursor = {.page = first, .tickets = tickets, .looks = tickets};
}

}  // namespace

TicketRef take_ticket(QueueState& state, TicketCursor& cursor) {
  if (cursor.page == nullptr) begin_search(state, cursor);
  cursor.looks = std::min(cursor.looks + kLooks, std::max(cursor.tickets, kLeastSaved));
  for (TicketRef taken;;) {
    while (cursor.fresh != nullptr && cursor.fresh_index < TicketPage::kTickets) {
      if (take_if_free(cursor.fresh->tickets[cursor.fresh_index++], taken)) return taken;
    }
    while (cursor.looks > 0) {
      --cursor.looks;
      if (cursor.index >= TicketPage::kTickets) turn_page(state, cursor);
      if (take_if_free(cursor.page->tickets[cursor.index++], taken)) return taken;
    }
    TicketPage* last = cursor.fresh != nullptr ? cursor.fresh : cursor.page;
    while (TicketPage* next = page_at(last->next)) last = next;
    cursor.fresh = &page_or_new(last->next);
    cursor.fresh_index = 0;
    cursor.tickets += TicketPage::kTickets;
  }
}

void give_back(TicketRef ref) noexcept {
  (void)replace(*ref.ticket, mine(TicketState::filling, ref.sequence),
                {TicketState::free, 0, 0, ref.sequence + 1});
}

void queue_ticket(TicketRef ref) noexcept {
  (void)replace(*ref.ticket, mine(TicketState::filling, ref.sequence),
                {TicketState::queued, 0, 0, ref.sequence});
  MULTIPROCESSING_CRASH_POINT("queue.ticket.queued");
}

bool claim(TicketRef ref) noexcept {
  for (;;) {
    const TicketWord seen = look(*ref.ticket);
    const bool there = seen.state == TicketState::filling || seen.state == TicketState::queued ||
                       seen.state == TicketState::returned;
    if (seen.sequence != ref.sequence || !there) return false;
    // again: its producer has moved it from filling to queued meanwhile
    if (!replace(*ref.ticket, seen, mine(TicketState::reading, ref.sequence))) continue;
    MULTIPROCESSING_CRASH_POINT("queue.ticket.claimed");
    return true;
  }
}

shm::Message* message_of(const TicketRef& ref) noexcept {
  const auto message =
      shm::BlockRef::unpack(ref.ticket->message.load(std::memory_order_acquire));  // shm's [L]
  return shm::block_as<shm::Message>(message.id);
}

bool is_reading(TicketRef ref) noexcept {
  return look(*ref.ticket).packed() == mine(TicketState::reading, ref.sequence).packed();
}

void hold(TicketRef ref) noexcept {
  (void)replace(*ref.ticket, mine(TicketState::reading, ref.sequence),
                mine(TicketState::held, ref.sequence));
  MULTIPROCESSING_CRASH_POINT("queue.ticket.held");
}

bool finish(QueueState& state, TicketRef ref) noexcept {
  const TicketWord seen = look(*ref.ticket);
  const bool own = seen.packed() == mine(TicketState::reading, ref.sequence).packed();
  if (seen.sequence != ref.sequence || (seen.state != TicketState::held && !own)) return false;
  return finish_from(state, *ref.ticket, seen);
}

bool finish_any(QueueState& state) noexcept {
  return any_ticket(state, [&](Ticket& ticket) {
    const TicketWord seen = look(ticket);
    return seen.state == TicketState::held && finish_from(state, ticket, seen);
  });
}

bool claim_returned(QueueState& state, TicketRef& out) noexcept {
  return any_ticket(state, [&](Ticket& ticket) {
    bury_owner(state, ticket);
    const TicketWord seen = look(ticket);
    if (seen.state != TicketState::returned) return false;
    MULTIPROCESSING_CRASH_POINT("queue.ticket.found");
    const TicketRef ref{&ticket, seen.sequence};
    if (!claim(ref)) return false;  // somebody else was first
    out = ref;
    return true;
  });
}

std::uint64_t returned_tickets(QueueState& state) noexcept {
  std::uint64_t count = 0;
  (void)any_ticket(state, [&](Ticket& ticket) {
    bury_owner(state, ticket);
    if (look(ticket).state == TicketState::returned) ++count;
    return false;
  });
  return count;
}

bool all_done(QueueState& state) noexcept {
  for (;;) {
    std::uint64_t sums[2] = {0, 0};
    for (std::uint64_t& sum : sums) {
      const bool busy = any_ticket(state, [&](Ticket& ticket) {
        bury_owner(state, ticket);
        const TicketWord seen = look(ticket);
        sum += seen.sequence;
        return seen.state != TicketState::free;
      });
      if (busy) return false;
    }
    if (sums[0] == sums[1]) return true;  // T4: sequences only grow
  }
}

void destroy_tickets(shm::Location& first) noexcept {
  for (TicketPage* page = page_at(first); page != nullptr; page = page_at(page->next)) {
    for (Ticket& ticket : page->tickets) {
      shm::Block message = shm::unlink(ticket.message);
      if (message) shm::release(message);
    }
  }
  shm::release_chain<TicketPage>(first);
}

}  // namespace multiprocessing::lanes
