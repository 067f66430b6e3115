// Putting: the lock of the own lane, a credit if the queue is bounded, the record, the wake-up.

#include <algorithm>
#include <mutex>

#include "queue/credits.hpp"
#include "queue/local_queue.hpp"
#include "queue/wait_word.hpp"
#include "shm/process_table.hpp"
#include "shm/watch.hpp"
#include "sys/clock.hpp"
#include "sys/crash_point.hpp"

namespace multiprocessing::lanes {
namespace {

constexpr std::size_t kPacedBytes = 32768;
constexpr std::size_t kBytesPerNano = 8;
constexpr sys::Nanoseconds kLongestPace = 100'000;

// The own lane, locked; whatever was appended is published in the end.
class OwnLane {
 public:
  explicit OwnLane(LocalQueue& queue) : queue_(queue) {
    // relaxed: wiped by the kernel in a process that came to life past pthread_atfork
    if (queue.alive->load(std::memory_order_relaxed) == 0) [[unlikely]]
      (void)shm::self();
    if (queue.lock.lock()) {  // a forked child's first put
      queue.writer.detach();
      queue.tickets = {};
    }
    if (queue.writer.attached()) return;
    try {
      queue.fenceless = register_putter();
      queue.credit.store(queue.view.state.freed.load(std::memory_order_relaxed),  // a hint
                         std::memory_order_relaxed);
      queue.writer.attach(queue.view);
    } catch (...) {
      queue.lock.unlock();
      throw;
    }
  }
  OwnLane(const OwnLane&) = delete;
  OwnLane& operator=(const OwnLane&) = delete;
  ~OwnLane() {
    queue_.writer.publish();
    queue_.lock.unlock();
  }

 private:
  LocalQueue& queue_;
};

void tell_consumers(LocalQueue& queue, int count) noexcept {
  QueueState& state = queue.view.state;
  published(state.items, state.bells, queue.fenceless, count);
}

bool is_shut(const LocalQueue& queue) noexcept {
  return queue.view.state.shutdown.load(std::memory_order_relaxed) != 0;  // nothing else is read
}

// A credit for the record, noted in it. False: there is none.
bool credited(LocalQueue& queue, Word* record) noexcept {
  QueueView& view = queue.view;
  if (!view.bounded()) return true;
  const LaneWriter& writer = queue.writer;
  const std::uint64_t credit =
      credit_of(writer.number(), writer.epoch(), position_of(writer.place()));
  std::uint64_t index = queue.credit.load(std::memory_order_relaxed);  // ours: we hold the lock
  if (!take_credit(view, credit, index)) return false;
  queue.credit.store(index, std::memory_order_relaxed);
  MULTIPROCESSING_CRASH_POINT("queue.put.credited");
  record[1].store(index, std::memory_order_relaxed);  // released by [C], as all of it
  return true;
}

// The same as below, in a JoinableQueue: the message hangs on a ticket.
bool append_ticketed(LocalQueue& queue, const Item& item) {
  LaneWriter& writer = queue.writer;
  QueueView& view = queue.view;
  const std::uint64_t words = view.header + 2;
  Word* record = writer.room(view, words);
  const TicketRef ticket = take_ticket(view.state, queue.tickets);
  if (!credited(queue, record)) {
    give_back(ticket);
    return false;
  }
  (void)shm::link(*item.block, ticket.ticket->message);  // empty: the ticket is ours
  MULTIPROCESSING_CRASH_POINT("queue.ticket.linked");
  record[view.header].store(view.offset_of(ticket.ticket), std::memory_order_relaxed);
  record[view.header + 1].store(ticket.sequence, std::memory_order_relaxed);
  writer.append(RecordKind::ticket, 0, words);
  writer.publish();
  queue_ticket(ticket);
  return true;
}

// Under the lock: a record at the end of the own lane. False: no credit.
bool append(LocalQueue& queue, const Item& item) {
  LaneWriter& writer = queue.writer;
  QueueView& view = queue.view;
  if (view.joinable()) [[unlikely]]
    return append_ticketed(queue, item);
  const std::uint64_t words = view.header + (item.block != nullptr ? 1 : (item.size + 7) / 8);
  Word* record = writer.room(view, words);
  if (!credited(queue, record)) return false;
  if (item.block == nullptr) {
    copy_in(record + view.header, item.bytes, item.size);
    MULTIPROCESSING_CRASH_POINT("queue.put.filled");
    writer.append(RecordKind::bytes, static_cast<std::uint32_t>(item.size), words);
    return true;
  }
  record[view.header].store(item.block->ref.packed(), std::memory_order_relaxed);
  MULTIPROCESSING_CRASH_POINT("queue.put.filled");
  // A skip or jump that is still pending first: the sweep goes by this record's own word.
  writer.publish();
  shm::note_intent(*item.block, shm::PublishKind::lane, view.offset_of(&writer.lane()),
                   writer.place());
  MULTIPROCESSING_CRASH_POINT("queue.put.noted");
  writer.append(RecordKind::block, 0, words);
  writer.publish();
  (void)shm::settle(*item.block);  // false: a consumer has it already
  MULTIPROCESSING_CRASH_POINT("queue.put.settled");
  return true;
}

// A consumer that falls back reads from ever farther away, in memory that the backlog was the first
// to touch, and falls back more. So a producer that is faster waits for the next item to be taken,
// as long as it would take to copy one. Where nobody is taking it does not wait at all.
void let_catch_up(const Word& head, std::uint64_t seen, std::size_t size) noexcept {
  if (sys::alone()) return;
  const auto copying = static_cast<sys::Nanoseconds>(size / kBytesPerNano);
  const sys::Nanoseconds until = sys::now() + std::min(copying, kLongestPace);
  // relaxed: nothing is read that the consumer wrote
  while (head.load(std::memory_order_relaxed) == seen && sys::now() < until) sys::relax();
}

Outcome try_put(LocalQueue& queue, const Item& item) {
  if (is_shut(queue)) return Outcome::shut_down;
  const bool paced = item.size >= kPacedBytes && !queue.view.bounded() && !queue.view.joinable();
  const Word* head = nullptr;
  std::uint64_t seen = 0;
  {
    const OwnLane own(queue);
    if (!append(queue, item)) return Outcome::in_vain;
    if (paced) {
      seen = queue.writer.head_of_backlog(item.size);
      head = &queue.writer.lane().head;
    }
  }
  tell_consumers(queue, 1);
  if (seen != 0) let_catch_up(*head, seen, item.size);
  return Outcome::done;
}

// One wait for space. Leaves by an exception: the wake-up that we may have taken is passed on.
class SpaceWait {
 public:
  explicit SpaceWait(LocalQueue& queue) noexcept
      : queue_(queue), sleeper_(queue.view.state.space) {}
  SpaceWait(const SpaceWait&) = delete;
  SpaceWait& operator=(const SpaceWait&) = delete;
  ~SpaceWait() {
    // I2 of wait_word.hpp. Two credits that came free at once woke one of us.
    if (slept_ && !surely_full(queue_.view)) wake_sleepers(queue_.view.state.space, 1);
  }

  /// Until there may be space. False: the deadline has passed and the queue was full. Who wakes
  /// us: who frees a credit; if it died, the watch, and we free what it left.
  bool again(sys::Nanoseconds deadline) {
    WaitWord& space = queue_.view.state.space;
    sleeper_.note();
    const std::uint32_t expected = announce(space);  // [K]
    if (!surely_full(queue_.view) || is_shut(queue_)) return true;
    slept_ = true;
    const bool in_time = sleeper_.sleep(expected, deadline);
    (void)announce(space);  // I2: whoever woke us cleared it, for all who sleep
    return in_time || !surely_full(queue_.view);
  }

 private:
  LocalQueue& queue_;
  shm::Sleeper sleeper_;
  bool slept_ = false;
};

Outcome wait_and_put(LocalQueue& queue, const Item& item, Timeout timeout) {
  const sys::Nanoseconds deadline = timeout.deadline();
  Outcome outcome = Outcome::in_vain;
  if (deadline <= 0) {
    while (outcome == Outcome::in_vain && !surely_full(queue.view)) outcome = try_put(queue, item);
    return outcome;
  }
  const std::uint64_t cursor = queue.credit.load(std::memory_order_relaxed);  // a guess: no lock
  for (Patience patience(true, 0); patience.again();) {
    if (!credit_in_sight(queue.view, cursor) && !is_shut(queue)) continue;
    if ((outcome = try_put(queue, item)) != Outcome::in_vain) return outcome;
  }
  SpaceWait wait(queue);
  while ((outcome = try_put(queue, item)) == Outcome::in_vain) {
    if (!wait.again(deadline)) return Outcome::in_vain;
  }
  return outcome;
}

}  // namespace

Outcome put(LocalQueue& queue, const Item& item, Timeout timeout) {
  Outcome outcome = try_put(queue, item);
  if (outcome == Outcome::in_vain) outcome = wait_and_put(queue, item, timeout);
  drop_if_late(queue.view);  // T3 of ticket.hpp: nobody may wait for what nobody gets
  return outcome;
}

// Wakes whoever sleeps for the items of one run, and drops those that were late for that, also when
// an exception ends it.
struct RunWaker {
  LocalQueue& queue;
  const std::size_t& done;
  std::size_t before;

  ~RunWaker() {
    if (done == before) return;
    tell_consumers(queue, static_cast<int>(done - before));
    drop_if_late(queue.view);
  }
};

// Under the lock: records up to that of item `end`, or as many as there are credits.
void append_run(LocalQueue& queue, const std::byte* items, std::size_t size, std::size_t end,
                std::size_t& done) {
  if (queue.view.bounded()) {
    while (done < end && append(queue, {items + done * size, size, nullptr})) ++done;
    return;
  }
  while (done < end) {
    done += queue.writer.append_run(queue.view, items + done * size, size, end - done);
    MULTIPROCESSING_CRASH_POINT("queue.put.filled");
  }
}

Outcome put_run(LocalQueue& queue, const std::byte* items, std::size_t size, std::size_t count,
                std::size_t& done) {
  constexpr std::size_t kRun = 256;  // then others of this process may put, and nothing waits long
  for (done = 0; done < count;) {
    if (is_shut(queue)) return Outcome::shut_down;
    const std::size_t end = std::min(count, done + kRun);
    {
      const RunWaker waker{queue, done, done};  // ends after the lane is given back, all published
      const OwnLane own(queue);
      append_run(queue, items, size, end, done);
    }
    if (done == end) continue;
    const Outcome one = wait_and_put(queue, {items + done * size, size, nullptr}, {});
    if (one != Outcome::done) return one;
    ++done;
  }
  return Outcome::done;
}

}  // namespace multiprocessing::lanes
