#include "queue/describe.hpp"

#include <algorithm>

#include "queue/queue_state.hpp"

// The queue may change, or even go, while it is looked at. So every reference is checked, and no
// more than guessed numbers comes of it: all loads are relaxed but those that follow a reference.

namespace multiprocessing::lanes {
namespace {

/// The record at a place; none: nothing is there, or it cannot be told.
Record record_at(const Lane& lane, std::uint64_t place) noexcept {
  const Segment& segment = lane.segments[segment_of(place) % kSegments];
  const std::uint64_t where = segment.where.load(std::memory_order_acquire);
  const shm::Arena& arena = shm::arena();
  if (where == 0 || (where & 63U) > 40) return {};
  const std::uint64_t bytes = std::uint64_t{8} << (where & 63U);
  const std::uint64_t offset = (where >> 6U) * 64;
  if (offset >= arena.header().size || bytes > arena.header().size - offset) return {};
  const Ring ring(arena.base(), where);
  return Record::unpack(ring.at(position_of(place)).load(std::memory_order_relaxed));
}

std::uint64_t items_in(const Lane& lane) noexcept {
  const std::uint64_t head = lane.head.load(std::memory_order_relaxed);
  const Record first = record_at(lane, head);
  if (first.kind == RecordKind::none) return 0;
  const auto next = static_cast<std::uint32_t>(lane.puts.load(std::memory_order_relaxed));
  const auto items = static_cast<std::int32_t>(next - first.number);
  return items > 0 ? static_cast<std::uint64_t>(items) : 1;  // `puts` lags
}

std::uint64_t items_in(const QueueState& queue) noexcept {
  std::uint64_t items = 0;
  const std::uint32_t lanes =
      std::min(lanes_in(queue.lanes.load(std::memory_order_acquire)), (1U << kGroups) - 1);
  for (std::uint32_t group = 0; group < kGroups && (1U << group) - 1 < lanes; ++group) {
    std::byte* const start = shm::linked(queue.groups[group], group_bytes(group));
    if (start == nullptr) continue;
    const auto* lane = reinterpret_cast<const Lane*>(start + group_hint_bytes(group));
    const std::uint32_t first = (1U << group) - 1;
    const std::uint32_t last = std::min(lanes, (1U << (group + 1)) - 1);
    for (std::uint32_t i = first; i < last; ++i, ++lane) items += items_in(*lane);
  }
  return items;
}

}  // namespace

void describe_queue(shm::ObjectHeader& object, std::string& out) {
  const auto& queue = *shm::payload<QueueState>(&object);
  const std::uint64_t items = items_in(queue);
  out += std::to_string(items) + (items == 1 ? " item" : " items");
  if (queue.maxsize != 0) out += " of " + std::to_string(queue.maxsize);
  if ((queue.shutdown.load(std::memory_order_relaxed) & kShut) != 0) out += ", shut down";
}

}  // namespace multiprocessing::lanes
