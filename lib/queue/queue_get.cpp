// Getting: which lane to look at, when nothing is there for sure, how to wait.

#include <bit>

#include "queue/local_queue.hpp"
#include "queue/queue_watch.hpp"
#include "queue/wait_word.hpp"
#include "shm/process_table.hpp"
#include "shm/watch.hpp"

namespace multiprocessing::lanes {
namespace {

constexpr std::uint32_t kBurst = 64;      // items from one lane before the next one has its turn
constexpr std::uint32_t kScanned = 16;    // lanes that are looked at without hints
constexpr std::uint32_t kProbe = 64;      // takes by hint between two looks at a lane without one
constexpr std::uint32_t kStreaming = 16;  // items without a wait: a producer is at it
constexpr std::uint32_t kSpare = 64;      // likewise, between two looks whether others must fence
constexpr int kOften = 2;                 // waits in a row that ended in sleep

std::uint32_t lanes_of(LocalQueue& queue) noexcept {
  return lanes_in(queue.view.state.lanes.load(std::memory_order_acquire));  // [L]
}

bool take_one(LocalQueue& queue, std::uint32_t lane, Taken& out, std::size_t size,
              std::size_t& count) noexcept {
  if (count > 1) {
    const std::size_t run = take_run(queue.view, lane, out, size, count);
    if (run > 0) {
      count = run;
      return true;
    }
  }
  if (!take_from(queue.view, lane, out)) return false;
  count = 1;
  return true;
}

// relaxed, here and below: guesses of this process
void remember(LocalQueue& queue, std::uint32_t lane) noexcept {
  const std::uint32_t burst = queue.lane.load(std::memory_order_relaxed) == lane
                                  ? queue.burst.load(std::memory_order_relaxed) + 1
                                  : 1;
  if (burst < kBurst) {
    queue.lane.store(lane, std::memory_order_relaxed);
    queue.burst.store(burst, std::memory_order_relaxed);
  } else {
    queue.lane.store(lane + 1, std::memory_order_relaxed);
    queue.burst.store(0, std::memory_order_relaxed);
  }
}

// A lane that was found drained loses its hint; what was put meanwhile brings it back. A death
// between the two loses the hint, not the item (queue_state.hpp, I3).
void clear_hint(QueueView& view, std::uint32_t lane) noexcept {
  view.hint(lane).fetch_and(~QueueView::hint_bit(lane), std::memory_order_seq_cst);
  if (front_of(view, view.lane(lane)).record.kind != RecordKind::none) {
    view.hint(lane).fetch_or(QueueView::hint_bit(lane), std::memory_order_relaxed);
  }
}

bool take_hinted(LocalQueue& queue, std::uint32_t lanes, Taken& out, std::size_t size,
                 std::size_t& count) noexcept {
  const std::uint32_t start = queue.lane.load(std::memory_order_relaxed);
  // Each lane has its turn, whatever the hints say: one that was lost must not starve its lane.
  const std::uint32_t looks = queue.looks.load(std::memory_order_relaxed) + 1;
  queue.looks.store(looks, std::memory_order_relaxed);  // a lost count costs nothing
  if (looks % kProbe == 0 && take_one(queue, looks / kProbe % lanes, out, size, count)) {
    return true;
  }
  std::uint32_t lane = start < lanes ? start : 0;
  for (std::uint32_t seen = 0; seen < lanes;) {
    const std::uint32_t group_end = (2U << group_of(lane)) - 1;  // first lane of the next group
    const std::uint64_t bit = QueueView::hint_bit(lane);
    const std::uint64_t hints = queue.view.hint(lane).load(std::memory_order_relaxed) & ~(bit - 1);
    const auto word_left = static_cast<std::uint32_t>(64 - std::countr_zero(bit));
    const std::uint32_t next =
        hints != 0
            ? lane + static_cast<std::uint32_t>(std::countr_zero(hints) - std::countr_zero(bit))
            : std::min(lane + word_left, group_end);
    seen += next - lane;
    lane = next;
    if (hints != 0 && lane < lanes) {
      if (take_one(queue, lane, out, size, count)) {
        remember(queue, lane);
        return true;
      }
      clear_hint(queue.view, lane);
      ++seen;
      ++lane;
    }
    if (lane >= lanes) lane = 0;
  }
  return false;
}

bool take_from_lanes(LocalQueue& queue, Taken& out, std::size_t size, std::size_t& count) noexcept {
  const std::uint32_t lanes = lanes_of(queue);
  if (lanes > kScanned) return take_hinted(queue, lanes, out, size, count);
  std::uint32_t lane = queue.lane.load(std::memory_order_relaxed);
  for (std::uint32_t i = 0; i < lanes; ++i, ++lane) {
    if (lane >= lanes) lane = 0;
    if (take_one(queue, lane, out, size, count)) {
      remember(queue, lane);
      return true;
    }
  }
  return false;
}

bool take_any(LocalQueue& queue, Taken& out, std::size_t size, std::size_t& count) noexcept {
  if (take_from_lanes(queue, out, size, count)) return true;
  // What dead consumers have left is looked for where nothing else is.
  if (!queue.view.joinable() || !claim_returned(queue.view.state, out.ticket)) return false;
  count = 1;
  return true;
}

// Lowers `lanes` to what is in use (queue_state.hpp, I2).
void shrink(QueueView& view) noexcept {
  std::uint64_t seen = view.state.lanes.load(std::memory_order_acquire);
  std::uint32_t lanes = lanes_in(seen);
  while (lanes > 0 && view.lane(lanes - 1).owner.load(std::memory_order_acquire) << 48U == 0) {
    --lanes;
  }
  if (lanes == lanes_in(seen)) return;
  const std::uint64_t fewer = ((seen >> 32U) + 1) << 32U | lanes;
  (void)view.state.lanes.compare_exchange_strong(seen, fewer, std::memory_order_acq_rel,
                                                 std::memory_order_relaxed);
}

void tidy(QueueView& view) noexcept {
  const std::uint32_t lanes = lanes_in(view.state.lanes.load(std::memory_order_acquire));  // [L]
  // relaxed: a segment of one who died just now may wait for the next death
  const std::uint64_t deaths = shm::arena().header().deaths.load(std::memory_order_relaxed);
  const bool left_over = view.deaths.load(std::memory_order_relaxed) != deaths;
  if (left_over) view.deaths.store(deaths, std::memory_order_relaxed);
  bool vacant = false;
  for (std::uint32_t lane = 0; lane < lanes; ++lane) {
    if (left_over) discard_left_over(view, view.lane(lane));
    const Owner owner = Owner::unpack(view.lane(lane).owner.load(std::memory_order_acquire));
    if (!owner_is_swept(owner)) continue;
    if (!owner.vacant()) vacate(view, lane);
    vacant = true;
  }
  if (vacant) shrink(view);
}

// One wait for items; leaves passing on the wake-up that it may have taken.
class ItemsWait {
 public:
  explicit ItemsWait(LocalQueue& queue) noexcept
      : queue_(queue), sleeper_(queue.view.state.items) {}
  ItemsWait(const ItemsWait&) = delete;
  ItemsWait& operator=(const ItemsWait&) = delete;
  ~ItemsWait() {
    // I2 of wait_word.hpp: of two items that were put at once, one has woken somebody.
    if (slept_ && has_items()) wake_sleepers(queue_.view.state.items, 1);
  }

  /// Before each look: what is put after it wakes us.
  void announce_look() noexcept {
    sleeper_.note();
    WaitWord& items = queue_.view.state.items;
    const std::uint32_t announced = announce(items);
    // A word that is as we left it says that our announcement has stood since, settled: whoever
    // clears it counts a change.
    if (announced == expected_) return;
    const bool often = queue_.idle.load(std::memory_order_relaxed) >= kOften;  // a guess
    expected_ = settle_announcement(items, announced, often);
  }
  /// After a look in vain. False: the deadline has passed. Who wakes us: who puts; if it died
  /// after its publication, the watch.
  bool sleep(sys::Nanoseconds deadline) {
    slept_ = true;
    return sleeper_.sleep(expected_, deadline);
  }
  [[nodiscard]] sys::Nanoseconds slept() const noexcept { return sleeper_.slept(); }

 private:
  bool has_items() noexcept {
    const std::uint32_t lanes = lanes_of(queue_);
    for (std::uint32_t lane = 0; lane < lanes; ++lane) {
      if (front_of(queue_.view, queue_.view.lane(lane)).record.is_item()) return true;
    }
    return false;
  }

  LocalQueue& queue_;
  shm::Sleeper sleeper_;
  std::uint32_t expected_ = 0;
  bool slept_ = false;
};

struct Want {
  Taken& out;
  std::size_t size;
  std::size_t& count;
};

// A look that knows: something was taken, or there was nothing.
Outcome look(LocalQueue& queue, const Want& want) noexcept {
  for (;;) {
    // acquire: [S], before the look at the lanes
    const std::uint64_t shut = queue.view.state.shutdown.load(std::memory_order_acquire);
    if ((shut & kImmediate) != 0) return Outcome::shut_down;
    if (take_any(queue, want.out, want.size, want.count)) return Outcome::done;
    if (surely_empty(queue)) return shut != 0 ? Outcome::shut_down : Outcome::in_vain;
  }
}

void learn_from_sleep(LocalQueue& queue, sys::Nanoseconds slept) noexcept {
  const int idle = queue.idle.load(std::memory_order_relaxed);  // a guess
  const int failures = Patience::failures_after_sleep(idle, slept);
  if (failures != idle) queue.idle.store(failures, std::memory_order_relaxed);
}

Outcome sleep_and_get(LocalQueue& queue, const Want& want, sys::Nanoseconds deadline) {
  ItemsWait wait(queue);
  for (bool in_time = true;;) {
    wait.announce_look();
    const Outcome outcome = look(queue, want);
    if (outcome == Outcome::done) learn_from_sleep(queue, wait.slept());
    if (outcome != Outcome::in_vain || !in_time) return outcome;
    in_time = wait.sleep(deadline);
  }
}

Outcome wait_and_get(LocalQueue& queue, const Want& want, Timeout timeout) {
  const sys::Nanoseconds deadline = timeout.deadline();
  if (deadline <= 0) return look(queue, want);
  const bool streaming = queue.streak.load(std::memory_order_relaxed) >= kStreaming;
  queue.streak.store(0, std::memory_order_relaxed);
  const int idle = queue.idle.load(std::memory_order_relaxed);
  Patience patience(streaming, idle);
  while (patience.again()) {
    if (!take_any(queue, want.out, want.size, want.count)) continue;
    if (streaming) queue.streak.store(kStreaming, std::memory_order_relaxed);
    if (idle != 0) {
      queue.idle.store(0, std::memory_order_relaxed);
    } else {
      spare_fences(queue.view.state.items);  // twice in a row: we do not sleep any more
    }
    return Outcome::done;
  }
  const int failures = patience.failures_after(idle);
  if (failures != idle) queue.idle.store(failures, std::memory_order_relaxed);
  return sleep_and_get(queue, want, deadline);
}

Outcome get_plainly(LocalQueue& queue, const Want& want, Timeout timeout) {
  // relaxed: whether the queue is empty is decided by `look`
  if ((queue.view.state.shutdown.load(std::memory_order_relaxed) & kImmediate) != 0) {
    return Outcome::shut_down;
  }
  if (take_any(queue, want.out, want.size, want.count)) {
    const std::uint32_t streak = queue.streak.load(std::memory_order_relaxed) + 1;
    queue.streak.store(streak, std::memory_order_relaxed);
    if (streak % kSpare == kStreaming) [[unlikely]]
      spare_fences(queue.view.state.items);
    return Outcome::done;
  }
  return wait_and_get(queue, want, timeout);
}

}  // namespace

Outcome get(LocalQueue& queue, Taken& out, std::size_t size, std::size_t& count, Timeout timeout) {
  const Outcome outcome = get_plainly(queue, {out, size, count}, timeout);
  if (outcome == Outcome::shut_down) [[unlikely]]
    drop_if_shut_at_once(queue.view);
  // acquire: made by another thread of this process
  if (queue.fileno.load(std::memory_order_acquire) != nullptr) [[unlikely]] {
    refresh_fileno(queue, outcome == Outcome::done);
  }
  return outcome;
}

bool is_ready(LocalQueue& queue) noexcept {
  // acquire: [S]
  return queue.view.state.shutdown.load(std::memory_order_acquire) != 0 || !surely_empty(queue) ||
         (queue.view.joinable() && returned_tickets(queue.view.state) != 0);
}

bool surely_empty(LocalQueue& queue) noexcept {
  QueueView& view = queue.view;
  // Heads only grow: the same sum twice means the same heads. With nothing at any of them in both
  // passes, the queue held nothing between the two.
  std::uint64_t sums[2] = {0, 0};
  const std::uint64_t lanes = view.state.lanes.load(std::memory_order_acquire);  // [L]
  for (std::uint64_t& sum : sums) {
    for (std::uint32_t lane = 0; lane < lanes_in(lanes); ++lane) {
      const Front front = front_of(view, view.lane(lane));
      if (front.record.kind != RecordKind::none) {
        queue.lane.store(lane, std::memory_order_relaxed);  // the next look begins there
        Word& hint = view.hint(lane);
        if ((hint.load(std::memory_order_relaxed) & QueueView::hint_bit(lane)) == 0) {
          hint.fetch_or(QueueView::hint_bit(lane), std::memory_order_relaxed);
        }
        return false;
      }
      sum += position_of(front.place);
    }
  }
  if (sums[0] != sums[1]) return false;
  if (view.state.lanes.load(std::memory_order_acquire) != lanes) return false;
  tidy(view);
  return true;
}

std::uint64_t item_count(LocalQueue& queue) noexcept {
  std::uint64_t items = 0;
  const std::uint32_t lanes = lanes_of(queue);
  for (std::uint32_t lane = 0; lane < lanes; ++lane) {
    items += items_in(queue.view, queue.view.lane(lane));
  }
  if (queue.view.joinable()) items += returned_tickets(queue.view.state);
  return items;
}

bool wait_for_item(LocalQueue& queue, Timeout timeout) {
  const sys::Nanoseconds deadline = timeout.deadline();
  if (is_ready(queue)) return true;
  if (deadline <= 0) return false;
  for (Patience patience(false, 0); patience.again();) {
    if (is_ready(queue)) return true;
  }
  ItemsWait wait(queue);
  for (bool in_time = true; in_time;) {
    wait.announce_look();
    if (is_ready(queue)) return true;
    in_time = wait.sleep(deadline);
  }
  return is_ready(queue);
}

}  // namespace multiprocessing::lanes
