#pragma once

// What one process knows of one queue: where it lies, its own lane, where it took last.
//
// Plain memory of one process, one for each queue that it has ever touched and that still exists:
// the lane must stay the process's own while it has no handle, or its items could change order.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>

#include <multiprocessing/detail/timeout.hpp>

#include "queue/fork_lock.hpp"
#include "queue/lane_reader.hpp"
#include "queue/lane_writer.hpp"
#include "queue/queue_state.hpp"
#include "shm/local.hpp"
#include "shm/object.hpp"

namespace multiprocessing::lanes {

class Fileno;  // queue_fileno.hpp

/// An item that a thread of this process got from a JoinableQueue. In a list, the newest first,
/// that is sound at every moment, since another thread may fork at any: a hand is linked when it is
/// complete, and gone from the list before it is freed, by one store each.
struct Hand {
  TicketRef ticket;
  const void* thread;
  std::atomic<Hand*> next;
};

struct LocalQueue;
/// Frees the hands; the items stay whose they are.
void empty_hands(LocalQueue& queue) noexcept;

struct LocalQueue {
  LocalQueue(shm::ObjectId object, QueueState& state) noexcept : view(state), id(object) {}
  LocalQueue(const LocalQueue&) = delete;
  LocalQueue& operator=(const LocalQueue&) = delete;
  ~LocalQueue() { empty_hands(*this); }

  QueueView view;
  const std::atomic<std::uint64_t>* alive = &shm::alive_word();
  shm::ObjectId id;
  std::atomic<LocalQueue*> next{nullptr};
  std::atomic<std::uint32_t> closed{0};  // the fork epoch in which it was closed

  alignas(64) ForkLock lock;  // guards the following
  bool fenceless = false;     // wait_word.hpp
  LaneWriter writer;
  TicketCursor tickets;
  std::atomic<std::uint64_t> credit{0};  // the one taken last; a guess to those without the lock

  alignas(64) ForkLock hands_lock;    // guards the following
  std::atomic<Hand*> hands{nullptr};  // of a JoinableQueue: what was got and is not done
  std::exception_ptr deferred;        // for the next get: see throw_next_time

  // Guesses that save time; threads may overwrite each other's.
  alignas(64) std::atomic<std::uint32_t> lane{0};  // taken from last
  std::atomic<std::uint32_t> burst{0};             // items taken from it in a row
  std::atomic<std::uint32_t> looks{0};             // by hint, so far
  std::atomic<std::uint32_t> streak{0};            // items that came without a wait
  std::atomic<int> idle{0};                        // waits in a row that ended in sleep
  std::atomic<Fileno*> fileno{nullptr};            // made at the first call of fileno()
  std::atomic<bool> has_deferred{false};
};

/// This process's one. Requires that the object is held.
LocalQueue& local_queue(shm::ObjectId id, QueueState& state);

enum class Outcome : std::uint8_t { done, in_vain, shut_down };

/// Either bytes, up to kInlineBytes, or a message that is ours (of `size` bytes, if that is known).
struct Item {
  const std::byte* bytes = nullptr;
  std::size_t size = 0;
  shm::Block* block = nullptr;
};

/// \throws ArenaExhausted, KeyboardInterrupt; the item was not put then.
Outcome put(LocalQueue& queue, const Item& item, Timeout timeout);

/// Puts `count` items of `size` bytes (up to kInlineBytes) that lie side by side, and waits for
/// room as long as it takes; as few publications as the bound allows. `done` counts those that were
/// put.
Outcome put_run(LocalQueue& queue, const std::byte* items, std::size_t size, std::size_t count,
                std::size_t& done);

/// Up to `count` items of `size` bytes each (one of any size if `count` is 1); how many, in
/// `count`.
Outcome get(LocalQueue& queue, Taken& out, std::size_t size, std::size_t& count, Timeout timeout);

/// What went wrong behind items that were taken, and are given to the caller: the next get of this
/// process throws it.
void throw_next_time(LocalQueue& queue, std::exception_ptr error) noexcept;
void throw_deferred(LocalQueue& queue);
inline void throw_if_deferred(LocalQueue& queue) {
  // relaxed: a hint, the lock decides
  if (queue.has_deferred.load(std::memory_order_relaxed)) [[unlikely]]
    throw_deferred(queue);
}

// Of a JoinableQueue (queue_join.cpp):

/// The item that was taken has been read: it is the calling thread's until it is done.
void keep_in_hand(LocalQueue& queue, const TicketRef& ticket) noexcept;
/// An item is done: the calling thread's last one, else one of this process's, else anybody's.
/// False: nobody has any.
bool item_done(LocalQueue& queue) noexcept;
/// Until no item is left that is not done. False: the deadline has passed. \throws
/// KeyboardInterrupt
bool join(LocalQueue& queue, Timeout timeout);

/// A get would not wait: there was an item at some moment of the call, or the queue is shut down.
bool is_ready(LocalQueue& queue) noexcept;

/// True: there was a moment, during the call, at which the queue held nothing. Gives back what the
/// dead have left.
bool surely_empty(LocalQueue& queue) noexcept;

/// Waits until there is an item, or the queue is shut down. False: the time-out has passed.
/// \throws KeyboardInterrupt
bool wait_for_item(LocalQueue& queue, Timeout timeout);

std::uint64_t item_count(LocalQueue& queue) noexcept;

/// Refuses puts, wakes everybody; `immediately`: drops what is in the queue.
void shut_down(LocalQueue& queue, bool immediately) noexcept;
/// The same, not immediately, by whoever has no view of the queue.
void shut_down(QueueState& state) noexcept;
/// Drops what came too late for whoever shut the queue down immediately, or what it did not live
/// to drop.
void drop_if_shut_at_once(QueueView& queue) noexcept;
/// The same after a put of the calling thread, which has told the consumers.
inline void drop_if_late(QueueView& queue) noexcept {
  std::atomic_signal_fence(std::memory_order_seq_cst);  // [A]
  // seq_cst: [A], [I]; as cheap as any load
  if ((queue.state.shutdown.load(std::memory_order_seq_cst) & kImmediate) != 0) [[unlikely]]
    drop_if_shut_at_once(queue);
}

// Where nobody can get any more (queue_state.hpp, [A]):

/// Refuses puts, and drops what is in the queue. May be done again after a death.
void abandon(QueueState& state) noexcept;
/// For one who died putting: drops what is in the queue if it was abandoned.
void drop_rest(QueueState& state) noexcept;
/// After a put of the calling thread. True: the queue was abandoned, and what this process had put
/// last was, or now is, dropped.
bool was_dropped(LocalQueue& queue) noexcept;

}  // namespace multiprocessing::lanes
