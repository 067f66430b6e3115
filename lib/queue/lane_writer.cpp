#include "queue/lane_writer.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include <multiprocessing/errors.hpp>

#include "queue/lane_reader.hpp"
#include "shm/process_table.hpp"
#include "sys/crash_point.hpp"

namespace multiprocessing::lanes {
namespace {

constexpr std::uint64_t kFirstWords = 256;    // 2 KiB: many lanes hold an item or two
constexpr std::uint64_t kSteadyWords = 8192;  // 64 KiB: enough to stream, and stays in the cache
constexpr std::uint32_t kAsked = 16;          // lanes whose owner's life is asked for, an attach
constexpr std::uint64_t kNearBytes = std::uint64_t{1} << 20U;  // waiting items stay in the caches
constexpr std::uint32_t kLooks = 64;  // puts between two looks at an oversized segment

// Counts the lane in, and changes `lanes` in any case (queue_state.hpp, I2).
void count_lane(QueueView& queue, std::uint32_t number) noexcept {
  std::uint64_t seen = queue.state.lanes.load(std::memory_order_relaxed);
  std::uint64_t counted = 0;
  do {
    const std::uint64_t lanes = std::max(lanes_in(seen), number + 1);
    counted = ((seen >> 32U) + 1) << 32U | lanes;
    // release: [L]
  } while (!queue.state.lanes.compare_exchange_weak(seen, counted, std::memory_order_acq_rel,
                                                    std::memory_order_relaxed));
}

}  // namespace

bool LaneWriter::try_own(QueueView& queue, std::uint32_t number) {
  Lane& lane = queue.lane(number);
  std::uint64_t word = lane.owner.load(std::memory_order_acquire);  // [O]
  const Owner former = Owner::unpack(word);
  if (!owner_is_swept(former)) return false;
  if (front_of(queue, lane).record.kind != RecordKind::none) return false;  // I2
  const shm::Name me = shm::self();
  const Owner mine{me.slot + 1, static_cast<std::uint32_t>(me.generation), former.epoch + 1};
  // acquire: [O]
  if (!lane.owner.compare_exchange_strong(word, mine.packed(), std::memory_order_acq_rel,
                                          std::memory_order_relaxed)) {
    return false;
  }
  MULTIPROCESSING_CRASH_POINT("queue.attach.owned");
  count_lane(queue, number);
  MULTIPROCESSING_CRASH_POINT("queue.attach.counted");
  lane_ = &lane;
  hint_ = &queue.hint(number);
  hint_bit_ = QueueView::hint_bit(number);
  number_ = number;
  epoch_ = mine.epoch & 0xFFFFU;
  return true;
}

bool LaneWriter::own_existing(QueueView& queue) {
  const std::uint32_t lanes = lanes_in(queue.state.lanes.load(std::memory_order_acquire));  // [L]
  for (std::uint32_t i = 0; i < lanes; ++i) {
    if (try_own(queue, i)) return true;
  }
  // Nobody may have noticed that some owners are dead. Not all are asked for: that would make the
  // start of n producers cost n^2 system calls.
  const std::uint32_t start = lanes > kAsked ? shm::self().slot % lanes : 0;
  for (std::uint32_t i = 0; i < std::min(lanes, kAsked); ++i) {
    const std::uint32_t number = (start + i) % lanes;
    const std::uint64_t owner = queue.lane(number).owner.load(std::memory_order_relaxed);
    if (owner_is_dead(Owner::unpack(owner)) && try_own(queue, number)) return true;
  }
  return false;
}

void LaneWriter::own_new(QueueView& queue) {
  for (std::uint32_t group = 0; group < kGroups; ++group) {
    queue.make_group(group);
    const std::uint32_t first = (1U << group) - 1;
    for (std::uint32_t i = 0; i < 1U << group; ++i) {
      if (try_own(queue, first + i)) return;
    }
  }
  throw ArenaExhausted("a queue has as many producers as it can: 65535");
}

void LaneWriter::attach(QueueView& queue) {
  detach();
  if (!own_existing(queue)) own_new(queue);
  resume(queue);
}

// The lane is drained, so that its end is its head (I1, I2).
void LaneWriter::resume(QueueView& queue) {
  const std::uint64_t head = lane_->head.load(std::memory_order_acquire);
  segment_ = segment_of(head);
  tail_ = floor_ = position_of(head);
  item_ = static_cast<std::uint32_t>(lane_->puts.load(std::memory_order_relaxed));
  lane_->tail.store(head, std::memory_order_release);
  const std::uint64_t where = lane_->segments[segment_].where.load(std::memory_order_acquire);
  if (where != 0) {
    ring_ = Ring(queue.base, where);
    return;
  }
  try {
    open_segment(queue, segment_, kFirstWords, tail_);
  } catch (...) {
    // Nobody's lane again, so that the next attempt finds it.
    lane_->owner.store(Owner{0, 0, epoch_}.packed(), std::memory_order_release);  // [O]
    detach();
    throw;
  }
}

// Links an empty segment at an index that is not in use (I5), and makes it the writer's.
void LaneWriter::open_segment(QueueView& queue, std::uint32_t segment, std::uint64_t words,
                              std::uint64_t first) {
  shm::Block block = shm::allocate(words * sizeof(Word));
  MULTIPROCESSING_CRASH_POINT("queue.grow.allocated");
  Segment& entry = lane_->segments[segment];
  const std::uint64_t where =
      where_of(queue.offset_of(block.data()), static_cast<unsigned>(std::countr_zero(words)));
  const Ring ring(queue.base, where);
  ring.at(first).store(0, std::memory_order_relaxed);  // I1; released by `where`
  for (;;) {
    const std::uint64_t left_over = entry.block.load(std::memory_order_acquire);
    if (left_over != 0) discard_segment(queue, *lane_, segment, left_over);
    if (shm::link(block, entry.block)) break;
  }
  MULTIPROCESSING_CRASH_POINT("queue.grow.linked");
  entry.where.store(where, std::memory_order_release);  // [W], I4
  MULTIPROCESSING_CRASH_POINT("queue.grow.placed");
  ring_ = ring;
  segment_ = segment;
}

// A segment of `words`, or, where there is no memory for that, of less. False: not even of `least`.
bool LaneWriter::open_what_fits(QueueView& queue, std::uint32_t segment, std::uint64_t words,
                                std::uint64_t least) {
  for (; words >= least; words /= 2) {
    try {
      open_segment(queue, segment, words, tail_ + 1);
      return true;
    } catch (const ArenaExhausted&) {
      continue;
    }
  }
  return false;
}

bool LaneWriter::fits(std::uint64_t words) const noexcept {
  const std::uint64_t stretch = ring_.stretch(tail_);
  const std::uint64_t skipped = words > stretch ? stretch : 0;
  return tail_ + skipped + words + 1 - floor_ <= ring_.size();  // I1: one word behind the record
}

// Behind a burst: a big segment of which little is in use.
bool LaneWriter::oversized(Lane& lane) noexcept {
  if (ring_.size() <= kSteadyWords || ++looks_ < kLooks) return false;
  looks_ = 0;
  const std::uint64_t head = position_of(lane.head.load(std::memory_order_acquire));  // [H]
  floor_ = std::max(floor_, head);
  return (tail_ - head) * 16 < ring_.size();
}

Word* LaneWriter::room(QueueView& queue, std::uint64_t words) {
  if (oversized(*lane_)) grow(queue, words, true);
  while (!fits(words)) {
    // acquire: [H]
    const std::uint64_t head = position_of(lane_->head.load(std::memory_order_acquire));
    floor_ = std::max(floor_, head);
    if (!fits(words)) grow(queue, words, false);
  }
  const std::uint64_t stretch = ring_.stretch(tail_);
  if (words > stretch) {
    add({RecordKind::skip, static_cast<std::uint32_t>(stretch), item_}, stretch);
  }
  return &ring_.at(tail_);
}

// Goes on in a segment of its own: a bigger one because readers lag, or a smaller one behind a
// burst. The jump to it is published with the next record.
void LaneWriter::grow(QueueView& queue, std::uint64_t words, bool smaller) {
  const std::uint64_t head = lane_->head.load(std::memory_order_acquire);  // [H]
  const std::uint32_t next = (segment_ + 1) % kSegments;
  for (std::uint32_t ahead = 0; ahead < 3; ++ahead) {
    if ((next + ahead) % kSegments == segment_of(head)) {  // I5
      throw ArenaExhausted("a lane of the queue cannot grow further: nobody takes its items");
    }
  }
  const std::uint64_t waiting = tail_ - position_of(head);
  std::uint64_t size =
      ring_.size() < kSteadyWords ? ring_.size() * 4 : std::max(kSteadyWords, waiting / 4);
  if (smaller) size = kSteadyWords;
  const std::uint64_t least = std::bit_ceil(words + 2);
  size = std::bit_ceil(std::max(size, 4 * (words + 2)));
  const std::uint32_t old_segment = segment_;
  const Ring old = ring_;
  if (!open_what_fits(queue, next, size, smaller ? size : least)) {
    if (smaller) return;  // the big one does as well
    throw ArenaExhausted("there is no memory for a further segment of the queue");
  }
  segment_ = old_segment;
  ring_ = old;
  add({RecordKind::jump, next, item_}, 1);
  segment_ = next;
  ring_ = Ring(queue.base, lane_->segments[next].where.load(std::memory_order_relaxed));  // ours
  floor_ = tail_;
  looks_ = 0;
}

// A jump's next word lies in the new segment, zeroed there.
void LaneWriter::add(Record record, std::uint64_t words) noexcept {
  Word& word = ring_.at(tail_);
  tail_ += words;
  // I1; relaxed: released by [C]
  if (record.kind != RecordKind::jump) ring_.at(tail_).store(0, std::memory_order_relaxed);
  if (first_ == nullptr) {
    first_ = &word;
    first_word_ = record.packed();
  } else {
    word.store(record.packed(), std::memory_order_relaxed);  // behind a word that is 0
  }
}

void LaneWriter::append(RecordKind kind, std::uint32_t size, std::uint64_t words) noexcept {
  add({kind, size, item_++}, words);
}

std::size_t LaneWriter::append_run(QueueView& queue, const std::byte* items, std::size_t size,
                                   std::size_t count) {
  const std::uint64_t words = 1 + (size + 7) / 8;
  Word* at = room(queue, words);
  const std::uint64_t unused = ring_.size() - 1 - (tail_ - floor_);  // I1, as in `fits`
  const std::size_t run = std::min({count, ring_.stretch(tail_) / words, unused / words});
  std::uint64_t word = Record{RecordKind::bytes, static_cast<std::uint32_t>(size), item_}.packed();
  const auto fill = [&](auto copy) {
    // relaxed: released by [C]; the first record's word is not touched before that
    copy(at + 1, items);
    for (std::size_t i = 1; i < run; ++i) {
      at += words;
      items += size;
      word += std::uint64_t{1} << 32U;  // the number
      at->store(word, std::memory_order_relaxed);
      copy(at + 1, items);
    }
  };
  if (first_ == nullptr) {
    first_ = at;
    first_word_ = word;
  } else {
    at->store(word, std::memory_order_relaxed);  // behind a word that is 0
  }
  if (size == sizeof(std::uint64_t)) {
    fill([](Word* to, const std::byte* from) { copy_in(to, from, sizeof(std::uint64_t)); });
  } else {
    fill([size](Word* to, const std::byte* from) { copy_in(to, from, size); });
  }
  item_ += static_cast<std::uint32_t>(run);
  tail_ += run * words;
  ring_.at(tail_).store(0, std::memory_order_relaxed);  // I1; relaxed: released by [C]
  return run;
}

std::uint64_t LaneWriter::head_of_backlog(std::size_t size) noexcept {
  const std::uint64_t head = lane_->head.load(std::memory_order_relaxed);  // a guess
  const std::uint64_t items = (tail_ - position_of(head)) / 2;  // a word and a reference each
  const bool taken_from = std::exchange(last_head_, head) != head;
  return taken_from && items > kNearBytes / size ? head : 0;
}

void LaneWriter::publish() noexcept {
  if (first_ == nullptr) return;
  // relaxed: a hint
  if ((hint_->load(std::memory_order_relaxed) & hint_bit_) == 0) {
    hint_->fetch_or(hint_bit_, std::memory_order_relaxed);
  }
  first_->store(first_word_, std::memory_order_release);  // [C]; the publish
  MULTIPROCESSING_CRASH_POINT("queue.put.published");
  first_ = nullptr;
  lane_->puts.store(item_, std::memory_order_relaxed);  // lags by design
  lane_->tail.store(place(), std::memory_order_release);
  MULTIPROCESSING_CRASH_POINT("queue.put.counted");
}

}  // namespace multiprocessing::lanes
