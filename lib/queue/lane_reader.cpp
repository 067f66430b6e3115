#include "queue/lane_reader.hpp"

#include <algorithm>
#include <array>

#include "queue/credits.hpp"
#include "shm/process_table.hpp"
#include "shm/slot_word.hpp"
#include "sys/crash_point.hpp"

namespace multiprocessing::lanes {
namespace {

constexpr std::size_t kRun = 64;  // records of one claim, at most

// The head's record as it looks now. `valid` false: it was not the head's, look again.
struct Look {
  std::uint64_t place;
  Ring ring;
  Record record;
  bool valid;
};

Look look_at_head(QueueView& queue, Lane& lane) noexcept {
  const std::uint64_t head = lane.head.load(std::memory_order_acquire);
  // acquire: [W]
  const std::uint64_t where = lane.segments[segment_of(head)].where.load(std::memory_order_acquire);
  Look look{head, {}, {}, true};
  if (where != 0) {
    look.ring = Ring(queue.base, where);
    look.record =
        Record::unpack(look.ring.at(position_of(head)).load(std::memory_order_acquire));  // [C]
  }
  if (look.record.kind == RecordKind::none) {
    // An older lap's or another's 0, unless the head still stands there.
    look.valid = lane.head.load(std::memory_order_relaxed) == head;
  }
  return look;
}

bool move_head(Lane& lane, std::uint64_t from, std::uint64_t to) noexcept {
  // release: [H]; acquire: nothing. The publish of a claim of plain records (I3)
  return lane.head.compare_exchange_strong(from, to, std::memory_order_release,
                                           std::memory_order_relaxed);
}

// Moves the head over a record that is no item.
void pass(QueueView& queue, Lane& lane, const Look& look) noexcept {
  if (look.record.kind == RecordKind::skip) {
    (void)move_head(lane, look.place, look.place + look.record.size);
    return;
  }
  if (look.record.kind != RecordKind::jump || look.record.size >= kSegments) return;  // I6
  const std::uint32_t segment = segment_of(look.place);
  const std::uint64_t ref = lane.segments[segment].block.load(std::memory_order_acquire);
  const std::uint64_t next = place_of(look.record.size, position_of(look.place) + 1);
  discard_left_over(queue, lane);  // before it would be out of reach
  if (!move_head(lane, look.place, next)) return;
  MULTIPROCESSING_CRASH_POINT("queue.pass.moved");
  discard_segment(queue, lane, segment, ref);
}

// Whether the block of a record at the head is there to be taken. A private one is its producer's,
// who has not settled it yet, or that of a sweep which frees it in the name of a dead consumer.
bool is_there(const Lane& lane, shm::BlockRef ref) noexcept {
  const auto word = shm::BlockWord::unpack(shm::block_word(ref.id).load(std::memory_order_acquire));
  if (word.sequence != ref.sequence) return false;
  if (word.state == shm::BlockState::published) return true;
  const Owner owner =
      Owner::unpack(lane.owner.load(std::memory_order_relaxed));  // I2: the producer
  return word.state == shm::BlockState::priv && word.slot + 1 == owner.slot;
}

// Claims the block whose reference stands at the head. 1. It is ours. 2. It was claimed by
// somebody: the head moves all the same. 3. The record was not the head's any more.
bool take_block(QueueView& queue, std::uint32_t number, const Look& look, Taken& out) noexcept {
  Lane& lane = queue.lane(number);
  const std::uint64_t position = position_of(look.place);
  // acquire: before the second look at the head, which makes them the head's
  const std::uint64_t ref = look.ring.at(position + queue.header).load(std::memory_order_acquire);
  const std::uint64_t credit = look.ring.at(position + 1).load(std::memory_order_acquire);
  if (lane.head.load(std::memory_order_relaxed) != look.place) return false;  // 3
  MULTIPROCESSING_CRASH_POINT("queue.get.copied");
  bool mine = false;  // again where the producer has settled the block meanwhile
  while (!mine && is_there(lane, shm::BlockRef::unpack(ref))) {
    mine = shm::take(shm::BlockRef::unpack(ref), shm::PublishKind::lane, queue.offset_of(&lane),
                     look.place, out.block);
  }
  if (mine) MULTIPROCESSING_CRASH_POINT("queue.get.taken");
  const bool moved = move_head(lane, look.place, look.place + look.record.words(queue.header));
  if (!mine && !moved) return false;  // 2
  MULTIPROCESSING_CRASH_POINT("queue.get.advanced");
  // Whoever moves the head frees the credit, too: the one who took the block may be dead.
  if (queue.bounded()) free_credit(queue, number, look.place, credit);
  return mine;  // 1, else 2
}

// The same with the ticket that the record names.
bool take_ticketed(QueueView& queue, std::uint32_t number, const Look& look, Taken& out) noexcept {
  Lane& lane = queue.lane(number);
  const std::uint64_t position = position_of(look.place);
  // acquire: as above
  const std::uint64_t where = look.ring.at(position + queue.header).load(std::memory_order_acquire);
  const std::uint64_t sequence =
      look.ring.at(position + queue.header + 1).load(std::memory_order_acquire);
  const std::uint64_t credit = look.ring.at(position + 1).load(std::memory_order_acquire);
  if (lane.head.load(std::memory_order_relaxed) != look.place) return false;
  MULTIPROCESSING_CRASH_POINT("queue.get.copied");
  const TicketRef ticket{reinterpret_cast<Ticket*>(queue.base + where),
                         static_cast<std::uint32_t>(sequence)};
  const bool mine = claim(ticket);
  if (mine) out.ticket = ticket;
  const bool moved = move_head(lane, look.place, look.place + look.record.words(queue.header));
  if (!mine && !moved) return false;
  MULTIPROCESSING_CRASH_POINT("queue.get.advanced");
  if (queue.bounded()) free_credit(queue, number, look.place, credit);
  return mine;
}

bool take_bytes(QueueView& queue, std::uint32_t number, const Look& look, Taken& out) noexcept {
  const std::uint64_t position = position_of(look.place);
  const std::uint64_t words = look.record.words(queue.header);
  if (look.record.size > out.room || words > look.ring.stretch(position)) return false;  // I6
  const Word* record = &look.ring.at(position);
  copy_out(out.into, record + queue.header, look.record.size);
  // relaxed: the claim below makes it the head's
  const std::uint64_t credit = queue.bounded() ? record[1].load(std::memory_order_relaxed) : 0;
  MULTIPROCESSING_CRASH_POINT("queue.get.copied");
  if (!move_head(queue.lane(number), look.place, look.place + words)) return false;
  MULTIPROCESSING_CRASH_POINT("queue.get.claimed");
  out.size = look.record.size;
  if (queue.bounded()) free_credit(queue, number, look.place, credit);
  return true;
}

// Copies the items of up to `count` records of `size` bytes that stand at the head, side by side.
// How many.
std::size_t copy_run(const QueueView& queue, const Look& look, std::byte* into, std::size_t size,
                     std::size_t count) noexcept {
  const std::uint64_t position = position_of(look.place);
  const std::uint64_t words = queue.header + (size + 7) / 8;
  const std::size_t most = std::min(count, look.ring.stretch(position) / words);  // I6
  const Record alike{RecordKind::bytes, static_cast<std::uint32_t>(size), 0};
  const auto kind_and_size = static_cast<std::uint32_t>(alike.packed());
  const Word* record = &look.ring.at(position);
  const auto drain = [&](auto copy) {
    std::size_t run = 0;
    for (; run < most; ++run, record += words, into += size) {
      // acquire: [C]
      const auto word = static_cast<std::uint32_t>(record->load(std::memory_order_acquire));
      if (word != kind_and_size) break;
      copy(into, record + queue.header);
    }
    return run;
  };
  if (size == sizeof(std::uint64_t)) {
    return drain(
        [](std::byte* to, const Word* from) { copy_out(to, from, sizeof(std::uint64_t)); });
  }
  return drain([size](std::byte* to, const Word* from) { copy_out(to, from, size); });
}

shm::Name name_of(Owner owner) noexcept {
  const std::uint32_t slot = owner.slot - 1;
  const std::uint64_t generation =
      shm::generation_of(shm::slot_at(slot).state.load(std::memory_order_acquire));
  if (static_cast<std::uint32_t>(generation) != owner.generation_low) return {};
  return {slot, generation};
}

}  // namespace

bool take_from(QueueView& queue, std::uint32_t number, Taken& out) noexcept {
  Lane& lane = queue.lane(number);
  for (;;) {
    const Look look = look_at_head(queue, lane);
    if (!look.valid) continue;
    switch (look.record.kind) {
      case RecordKind::none:
        return false;
      case RecordKind::bytes:
        if (take_bytes(queue, number, look, out)) return true;
        break;
      case RecordKind::block:
        if (look.record.words(queue.header) <= look.ring.stretch(position_of(look.place)) &&
            take_block(queue, number, look, out)) {
          return true;
        }
        break;
      case RecordKind::ticket:
        if (look.record.words(queue.header) <= look.ring.stretch(position_of(look.place)) &&
            take_ticketed(queue, number, look, out)) {
          return true;
        }
        break;
      default:
        pass(queue, lane, look);
    }
  }
}

std::size_t take_run(QueueView& queue, std::uint32_t number, Taken& out, std::size_t size,
                     std::size_t count) noexcept {
  Lane& lane = queue.lane(number);
  const std::uint64_t words = queue.header + (size + 7) / 8;
  std::array<std::uint64_t, kRun> credits;
  for (;;) {
    const Look look = look_at_head(queue, lane);
    if (!look.valid) continue;
    if (look.record.kind == RecordKind::skip || look.record.kind == RecordKind::jump) {
      pass(queue, lane, look);
      continue;
    }
    const std::size_t taken = look.record.kind == RecordKind::bytes
                                  ? copy_run(queue, look, out.into, size, std::min(count, kRun))
                                  : 0;
    if (taken == 0) {
      if (lane.head.load(std::memory_order_relaxed) != look.place) continue;  // I6
      return 0;
    }
    for (std::size_t i = 0; queue.bounded() && i < taken; ++i) {
      // relaxed: the claim below makes it the head's
      credits[i] =
          look.ring.at(position_of(look.place) + i * words + 1).load(std::memory_order_relaxed);
    }
    MULTIPROCESSING_CRASH_POINT("queue.get.copied");
    if (!move_head(lane, look.place, look.place + taken * words)) continue;
    MULTIPROCESSING_CRASH_POINT("queue.get.claimed");
    for (std::size_t i = 0; queue.bounded() && i < taken; ++i) {
      free_credit(queue, number, look.place + i * words, credits[i]);
    }
    out.size = taken * size;
    return taken;
  }
}

Front front_of(QueueView& queue, Lane& lane) noexcept {
  for (;;) {
    const Look look = look_at_head(queue, lane);
    if (!look.valid) continue;
    if (look.record.kind == RecordKind::none) return {look.place, {}};
    if (look.record.is_item()) {
      if (lane.head.load(std::memory_order_relaxed) != look.place) continue;  // I6
      return {look.place, look.record};
    }
    pass(queue, lane, look);
  }
}

std::uint64_t items_in(QueueView& queue, Lane& lane) noexcept {
  const Front front = front_of(queue, lane);
  if (front.record.kind == RecordKind::none) return 0;
  const Owner owner = Owner::unpack(lane.owner.load(std::memory_order_acquire));
  const bool ended = owner_is_swept(owner);
  const auto next = ended ? end_of_dead(queue, lane).number
                          : static_cast<std::uint32_t>(lane.puts.load(std::memory_order_acquire));
  const auto items = static_cast<std::int32_t>(next - front.record.number);
  return items > 0 ? static_cast<std::uint64_t>(items) : 1;  // `puts` lags
}

bool owner_is_dead(Owner owner) noexcept {
  return owner.vacant() || shm::bury_if_dead(name_of(owner));
}

bool owner_is_swept(Owner owner) noexcept {
  if (owner.vacant()) return true;
  const std::uint64_t word = shm::slot_at(owner.slot - 1).state.load(std::memory_order_acquire);
  if (static_cast<std::uint32_t>(shm::generation_of(word)) != owner.generation_low) return true;
  const shm::SlotState state = shm::state_of(word);
  return state == shm::SlotState::free || state == shm::SlotState::husk;
}

End end_of_dead(QueueView& queue, Lane& lane) noexcept {
  for (;;) {
    const std::uint64_t head = lane.head.load(std::memory_order_acquire);
    End end{lane.tail.load(std::memory_order_acquire), 0};
    end.number = static_cast<std::uint32_t>(lane.puts.load(std::memory_order_relaxed));
    if (position_of(end.place) < position_of(head)) end.place = head;
    const std::uint64_t start = position_of(end.place);
    for (;;) {
      const std::uint64_t where =
          lane.segments[segment_of(end.place)].where.load(std::memory_order_acquire);
      if (where == 0) break;
      const Record record = Record::unpack(
          Ring(queue.base, where).at(position_of(end.place)).load(std::memory_order_acquire));
      if (record.kind == RecordKind::none) break;
      end.number = record.number + (record.is_item() ? 1U : 0U);
      end.place = record.kind == RecordKind::jump
                      ? place_of(record.size % kSegments, position_of(end.place) + 1)
                      : end.place + record.words(queue.header);
      // What the head has passed may have been freed: then nothing that was read counts.
      if (position_of(lane.head.load(std::memory_order_acquire)) > start) break;
    }
    if (position_of(lane.head.load(std::memory_order_acquire)) <= start) return end;
  }
}

void discard_segment(QueueView& queue, Lane& lane, std::uint32_t segment,
                     std::uint64_t ref) noexcept {
  shm::Location& location = lane.segments[segment].block;
  shm::Block block;
  const bool mine = shm::take(shm::BlockRef::unpack(ref), shm::PublishKind::location,
                              queue.offset_of(&location), 0, block);
  if (mine) MULTIPROCESSING_CRASH_POINT("queue.pass.taken");
  // Also for whoever has taken it: a reference never matches again (shm's I3). Release: I5's next
  // owner of the location sees the block gone.
  (void)location.compare_exchange_strong(ref, 0, std::memory_order_acq_rel,
                                         std::memory_order_relaxed);
  if (!mine) return;
  MULTIPROCESSING_CRASH_POINT("queue.pass.emptied");
  shm::release(block);
}

void discard_left_over(QueueView& queue, Lane& lane) noexcept {
  const std::uint64_t head = lane.head.load(std::memory_order_acquire);
  for (const std::uint32_t behind : {1U, 2U}) {
    const std::uint32_t segment = (segment_of(head) + kSegments - behind) % kSegments;
    const std::uint64_t ref = lane.segments[segment].block.load(std::memory_order_acquire);
    if (ref == 0) continue;
    if (lane.head.load(std::memory_order_acquire) != head) return;
    discard_segment(queue, lane, segment, ref);
  }
}

void vacate(QueueView& queue, std::uint32_t number) noexcept {
  Lane& lane = queue.lane(number);
  std::uint64_t owner = lane.owner.load(std::memory_order_acquire);  // [O]
  const Owner former = Owner::unpack(owner);
  if (former.vacant() || !owner_is_swept(former)) return;
  const Front front = front_of(queue, lane);
  if (front.record.kind != RecordKind::none) return;  // I2
  const shm::Name me = shm::self();
  const Owner mine{me.slot + 1, static_cast<std::uint32_t>(me.generation), former.epoch + 1};
  if (!lane.owner.compare_exchange_strong(owner, mine.packed(), std::memory_order_acq_rel,
                                          std::memory_order_relaxed)) {
    return;
  }
  MULTIPROCESSING_CRASH_POINT("queue.vacate.owned");
  const std::uint32_t next = (segment_of(front.place) + 1) % kSegments;
  lane.segments[next].where.store(0, std::memory_order_relaxed);  // I4; released with the head
  (void)move_head(lane, front.place, place_of(next, position_of(front.place) + 1));
  MULTIPROCESSING_CRASH_POINT("queue.vacate.moved");
  for (std::uint32_t i = 0; i < kSegments; ++i) {
    const std::uint64_t ref = lane.segments[i].block.load(std::memory_order_acquire);
    if (ref != 0) discard_segment(queue, lane, i, ref);
  }
  MULTIPROCESSING_CRASH_POINT("queue.vacate.emptied");
  lane.owner.store(Owner{0, 0, mine.epoch}.packed(), std::memory_order_release);  // [O]
}

bool lane_published(shm::Offset offset, std::uint64_t place, shm::BlockRef) noexcept {
  std::byte* base = shm::arena().base();
  Lane& lane = *reinterpret_cast<Lane*>(base + offset);
  const std::uint64_t where =
      lane.segments[segment_of(place)].where.load(std::memory_order_acquire);
  const bool there =
      where != 0 && Ring(base, where).at(position_of(place)).load(std::memory_order_acquire) != 0;
  // The head may have passed the record, and its segment be gone: then it was published.
  return there || position_of(lane.head.load(std::memory_order_acquire)) > position_of(place);
}

}  // namespace multiprocessing::lanes
