// What a process keeps for later: errors behind items that it got, and, of a JoinableQueue, which
// items a thread has in hand; waiting until all are done.

#include <memory>
#include <new>
#include <utility>

#include "queue/local_queue.hpp"
#include "queue/wait_word.hpp"
#include "shm/watch.hpp"
#include "sys/crash_point.hpp"

namespace multiprocessing::lanes {
namespace {

const void* this_thread() noexcept {
  thread_local char here = 0;
  return &here;
}

// Locked; empty at first in a forked child: what its parent has in hand is the parent's.
class Hands {
 public:
  explicit Hands(LocalQueue& queue) noexcept : queue_(queue) {
    if (!queue.hands_lock.lock()) return;
    empty_hands(queue);
    queue.deferred = nullptr;
  }
  Hands(const Hands&) = delete;
  Hands& operator=(const Hands&) = delete;
  ~Hands() { queue_.hands_lock.unlock(); }

  std::exception_ptr exchange(std::exception_ptr error) noexcept {
    queue_.has_deferred.store(error != nullptr, std::memory_order_relaxed);
    return std::exchange(queue_.deferred, std::move(error));
  }
  // relaxed, here and below: under the lock, or in a forked child
  void add(const TicketRef& ticket) {
    Hand* const newest = queue_.hands.load(std::memory_order_relaxed);
    // release: complete, for a child that is forked now
    queue_.hands.store(new Hand{ticket, this_thread(), newest}, std::memory_order_release);
  }
  // The last one of this thread, else the oldest. False: none.
  bool take(TicketRef& out) noexcept {
    std::atomic<Hand*>* link = nullptr;
    for (std::atomic<Hand*>* next = &queue_.hands;;) {
      Hand* const hand = next->load(std::memory_order_relaxed);
      if (hand == nullptr) break;
      link = next;
      if (hand->thread == this_thread()) break;
      next = &hand->next;
    }
    if (link == nullptr) return false;
    const std::unique_ptr<Hand> found(link->load(std::memory_order_relaxed));
    out = found->ticket;
    link->store(found->next.load(std::memory_order_relaxed),
                std::memory_order_release);  // as above
    return true;
  }

 private:
  LocalQueue& queue_;
};

}  // namespace

void empty_hands(LocalQueue& queue) noexcept {
  for (Hand* hand = queue.hands.load(std::memory_order_relaxed); hand != nullptr;) {
    const std::unique_ptr<Hand> freed(hand);
    hand = freed->next.load(std::memory_order_relaxed);
    queue.hands.store(hand, std::memory_order_release);  // as above
  }
}

void throw_next_time(LocalQueue& queue, std::exception_ptr error) noexcept {
  (void)Hands(queue).exchange(std::move(error));
}

void throw_deferred(LocalQueue& queue) {
  const std::exception_ptr error = Hands(queue).exchange(nullptr);
  if (error) std::rethrow_exception(error);
}

void keep_in_hand(LocalQueue& queue, const TicketRef& ticket) noexcept {
  if (!is_reading(ticket)) return;  // a forked child's copy of what its parent reads
  try {
    Hands(queue).add(ticket);
  } catch (const std::bad_alloc&) {
    // In no list, it is done by a task_done that finds none of its own.
  }
  hold(ticket);
}

bool item_done(LocalQueue& queue) noexcept {
  // Others may have said so of an item that this process got: then the next one is meant.
  for (TicketRef ticket; Hands(queue).take(ticket);) {
    if (finish(queue.view.state, ticket)) return true;
  }
  return finish_any(queue.view.state);
}

bool join(LocalQueue& queue, Timeout timeout) {
  QueueState& state = queue.view.state;
  const sys::Nanoseconds deadline = timeout.deadline();
  drop_if_shut_at_once(queue.view);
  if (all_done(state)) return true;
  // Who wakes us: who finishes an item; if it dies instead, its death.
  shm::Sleeper sleeper(state.joined);
  for (bool in_time = true;;) {
    sleeper.note();
    const std::uint32_t expected = announce(state.joined);  // [J]
    drop_if_shut_at_once(queue.view);  // by one who died before it did, or put since then
    if (all_done(state)) return true;
    if (!in_time) return false;
    in_time = sleeper.sleep(expected, deadline);
  }
}

}  // namespace multiprocessing::lanes
