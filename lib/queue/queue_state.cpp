#include "queue/queue_state.hpp"

#include <array>
#include <new>

#include "queue/bell_list.hpp"
#include "queue/lane_reader.hpp"
#include "queue/ticket.hpp"
#include "shm/block.hpp"

namespace multiprocessing::lanes {

QueueView::QueueView(QueueState& shared) noexcept
    : state(shared), base(shm::arena().base()), credits(nullptr), header(1) {
  const auto ref = shm::BlockRef::unpack(shared.credits.load(std::memory_order_acquire));
  if (!ref || !shm::is_linked(ref)) return;  // I4
  credits = shm::block_as<Word>(ref.id);
  header = 2;
}

std::byte* QueueView::find_group(std::uint32_t group) noexcept {
  const auto ref =
      shm::BlockRef::unpack(state.groups[group].load(std::memory_order_acquire));  // shm's [L]
  std::byte* start = shm::block_data(ref.id);
  groups_[group].store(start, std::memory_order_release);
  return start;
}

void QueueView::make_group(std::uint32_t group) {
  if (has_group(group)) return;
  shm::OwnedBlock block(shm::allocate(group_bytes(group)));
  std::byte* start = block.get().data();
  for (std::uint64_t i = 0; i < group_hint_bytes(group) / sizeof(Word); ++i) {
    new (start + i * sizeof(Word)) Word(0);
  }
  for (std::uint64_t i = 0; i < std::uint64_t{1} << group; ++i) {
    new (start + group_hint_bytes(group) + i * sizeof(Lane)) Lane{};
  }
  if (shm::link(block.get(), state.groups[group])) (void)block.let_go();  // else: somebody else's
}

namespace {

void unlink_and_free(shm::Location& location) noexcept {
  shm::Block block = shm::unlink(location);
  if (block) shm::release(block);
}

}  // namespace

void destroy_queue(QueueState& state) noexcept {
  QueueView queue(state);
  for (std::uint32_t group = 0; group < kGroups && queue.has_group(group); ++group) {
    for (std::uint32_t i = 0; i < 1U << group; ++i) {
      const std::uint32_t number = (1U << group) - 1 + i;
      alignas(64) std::array<std::byte, kInlineBytes> room;
      for (;;) {
        Taken taken{room.data(), room.size(), 0, {}, {}};
        if (!take_from(queue, number, taken)) break;
        if (taken.block) shm::release(taken.block);
      }
      Lane& lane = queue.lane(number);
      for (std::uint32_t segment = 0; segment < kSegments; ++segment) {
        const std::uint64_t ref = lane.segments[segment].block.load(std::memory_order_acquire);
        // Before it goes: a second destroyer finds a lane without a segment.
        lane.segments[segment].where.store(0, std::memory_order_release);
        if (ref != 0) discard_segment(queue, lane, segment, ref);
      }
    }
  }
  for (shm::Location& group : state.groups) unlink_and_free(group);
  destroy_tickets(state.tickets);
  destroy_bells(state.bells);
  unlink_and_free(state.credits);
}

}  // namespace multiprocessing::lanes
