// Shutting a queue down, and dropping what is left in one that is shut down at once.
//
// Death: marked, not dropped: whoever gets, puts or joins afterwards finds the mark, and drops. Of
// an abandoned queue: whoever destroys the end, or sweeps the one who put, does it again.

#include <array>

#include "queue/bell_list.hpp"
#include "queue/local_queue.hpp"
#include "queue/wait_word.hpp"
#include "sys/crash_point.hpp"

namespace multiprocessing::lanes {
namespace {

// Drops everything that is there now.
void drain(QueueView& view) noexcept {
  const std::uint32_t lanes = lanes_in(view.state.lanes.load(std::memory_order_acquire));  // [L]
  alignas(64) std::array<std::byte, kInlineBytes> room;
  for (std::uint32_t lane = 0; lane < lanes; ++lane) {
    if (front_of(view, view.lane(lane)).record.kind == RecordKind::none) continue;
    // relaxed: released by the claim, [H]; who finds the lane drained sees it
    view.lane(lane).dropped.store(1, std::memory_order_relaxed);
    for (Taken taken{room.data(), room.size(), 0, {}, {}}; take_from(view, lane, taken);) {
      if (taken.block) shm::release(taken.block);
      if (taken.ticket.ticket != nullptr) (void)finish(view.state, taken.ticket);
    }
  }
  if (!view.joinable()) return;
  for (TicketRef ticket; claim_returned(view.state, ticket);) (void)finish(view.state, ticket);
}

}  // namespace

void shut_down(QueueState& state) noexcept {
  state.shutdown.fetch_or(kShut, std::memory_order_acq_rel);  // [S]
  wake_all(state.items);
  wake_all(state.space);
  BellList(state.items, state.bells).ring();
}

void shut_down(LocalQueue& queue, bool immediately) noexcept {
  QueueState& state = queue.view.state;
  if (immediately) {
    state.shutdown.fetch_or(kShut | kImmediate, std::memory_order_seq_cst);  // [S], [I]
    MULTIPROCESSING_CRASH_POINT("queue.shutdown.marked");
  }
  shut_down(state);
  if (!immediately) return;
  (void)settle(state.items);  // [A]
  drain(queue.view);
}

void abandon(QueueState& state) noexcept {
  state.shutdown.fetch_or(kShut | kImmediate, std::memory_order_seq_cst);  // [S], [A]
  shut_down(state);
  (void)settle(state.items);  // [A]
  drop_rest(state);
}

void drop_rest(QueueState& state) noexcept {
  QueueView view(state);
  drop_if_shut_at_once(view);
}

bool was_dropped(LocalQueue& queue) noexcept {
  std::atomic_signal_fence(std::memory_order_seq_cst);  // [A]
  // seq_cst: [A]; as cheap as any load
  const std::uint64_t shut = queue.view.state.shutdown.load(std::memory_order_seq_cst);
  if ((shut & kImmediate) == 0) [[likely]]
    return false;
  drain(queue.view);
  // relaxed: see drain()
  return queue.writer.lane().dropped.load(std::memory_order_relaxed) != 0;
}

void drop_if_shut_at_once(QueueView& queue) noexcept {
  if ((queue.state.shutdown.load(std::memory_order_seq_cst) & kImmediate) != 0)
    drain(queue);  // [I]
}

}  // namespace multiprocessing::lanes
