#include "queue/credits.hpp"

#include "queue/lane_reader.hpp"
#include "queue/wait_word.hpp"
#include "sys/crash_point.hpp"

namespace multiprocessing::lanes {
namespace {

constexpr std::uint64_t kNear = 8;

bool replace(Word& word, std::uint64_t from, std::uint64_t to) noexcept {
  // seq_cst: [K]; the publish of the change
  return word.compare_exchange_strong(from, to, std::memory_order_seq_cst,
                                      std::memory_order_relaxed);
}

// Whether nobody has a use for the taken credit any more. Once true, it stays true of this word.
// 1. Its lane has changed hands (I3).        2. The head has passed its record.
// 3. Its producer is dead, and its record was never published.
bool is_over(QueueView& queue, std::uint64_t credit) noexcept {
  const std::uint32_t number = credit_lane(credit);
  Lane& lane = queue.lane(number);
  const Owner owner = Owner::unpack(lane.owner.load(std::memory_order_acquire));
  if ((owner.epoch & 0xFFU) != ((credit >> 40U) & 0xFFU)) return true;  // 1
  const std::uint64_t head = position_of(lane.head.load(std::memory_order_acquire));
  if (credit_lag(credit, head) > 0) return true;  // 2
  const std::uint64_t tail = position_of(lane.tail.load(std::memory_order_acquire));
  if (credit_lag(credit, tail) > 0) return false;  // published, and not yet claimed
  if (!owner_is_dead(owner)) return false;
  return credit_lag(credit, position_of(end_of_dead(queue, lane).place)) <= 0;  // 3
}

}  // namespace

bool take_credit(QueueView& queue, std::uint64_t credit, std::uint64_t& cursor) noexcept {
  const std::uint64_t count = queue.state.maxsize;
  const auto try_one = [&](std::uint64_t index) noexcept {
    // relaxed: a guess, the exchange decides
    if (queue.credits[index].load(std::memory_order_relaxed) != 0) return false;
    if (!replace(queue.credits[index], 0, credit)) return false;
    cursor = index;
    return true;
  };
  // Credits come back much in the order in which they went, so the next one is the best guess; a
  // search through all of them, while they are coming back, would only hold up those who free them.
  std::uint64_t index = cursor;
  for (std::uint64_t i = 0; i < kNear && i < count; ++i) {
    index = index + 1 < count ? index + 1 : 0;
    if (try_one(index)) return true;
  }
  const std::uint64_t freed = queue.state.freed.load(std::memory_order_relaxed);  // a hint
  return freed < count && try_one(freed);
}

void free_credit(QueueView& queue, std::uint32_t lane, std::uint64_t place,
                 std::uint64_t index) noexcept {
  if (index >= queue.state.maxsize) return;  // the record was not what it seemed
  Word& word = queue.credits[index];
  const std::uint64_t taken = word.load(std::memory_order_relaxed);  // the exchange decides
  if (taken == 0 || credit_lane(taken) != lane || credit_lag(taken, position_of(place)) != 0) {
    return;  // somebody has freed it: the head had passed it
  }
  // relaxed: a hint
  queue.state.freed.store(index, std::memory_order_relaxed);
  if (!replace(word, taken, 0)) return;
  MULTIPROCESSING_CRASH_POINT("queue.get.credited");
  if (queue.state.space.load(std::memory_order_seq_cst) & kSomebody) {  // [K]
    wake_sleepers(queue.state.space, 1);
  }
}

bool surely_full(QueueView& queue) noexcept {
  // Two passes that read the same words: between them all of these were taken at once. The words
  // never repeat, so equal sums of their hashes mean equal words, but for one chance in 2^64.
  std::uint64_t sums[2] = {0, 0};
  for (std::uint64_t& sum : sums) {
    for (std::uint64_t i = 0; i < queue.state.maxsize; ++i) {
      const std::uint64_t credit = queue.credits[i].load(std::memory_order_seq_cst);  // [K]
      if (credit == 0) {
        queue.state.freed.store(i, std::memory_order_relaxed);  // a hint, for `take_credit`
        return false;
      }
      if (&sum == sums && is_over(queue, credit)) {
        if (replace(queue.credits[i], credit, 0)) {
          MULTIPROCESSING_CRASH_POINT("queue.credit.reclaimed");
          queue.state.freed.store(i, std::memory_order_relaxed);  // a hint
          // the one whose credit it was may have been too late to wake anybody
          wake_sleepers(queue.state.space, 1);
        }
        return false;
      }
      std::uint64_t hash = (credit + i) * 0x9E3779B97F4A7C15U;
      hash ^= hash >> 29U;
      sum += hash * 0xBF58476D1CE4E5B9U;
    }
  }
  return sums[0] == sums[1];
}

}  // namespace multiprocessing::lanes
