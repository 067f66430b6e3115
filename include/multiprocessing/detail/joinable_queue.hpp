#pragma once

/// \file multiprocessing/detail/joinable_queue.hpp
/// The class JoinableQueue; see multiprocessing/queues.hpp for what holds of all queues.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>

#include <multiprocessing/detail/queue.hpp>

namespace multiprocessing {

/// What becomes of an item whose consumer died before it called `task_done`.
enum class OnDeath : std::uint8_t {
  count_done,  // it counts as done
  requeue      // it is put back, for another consumer
};

/// A queue of which one can wait until every item that was put has been done with.
///
/// Who got an item calls `task_done` when it has dealt with it. Each item is known by name, so that
/// one whose consumer dies is not waited for.
template <class T>
class JoinableQueue : public Queue<T> {
 public:
  /// Unbounded. \throws ArenaExhausted
  JoinableQueue() : JoinableQueue(std::size_t{0}) { detail::require_transferable<T>(); }
  /// At most `maxsize` items; 0: unbounded. One that is put back may come on top of them.
  template <std::integral N>
    requires(!std::same_as<N, bool>)
  explicit JoinableQueue(N maxsize, OnDeath on_death = OnDeath::count_done)
      : Queue<T>(detail::ByteQueue::make(maxsize > 0 ? static_cast<std::size_t>(maxsize) : 0,
                                         on_death == OnDeath::requeue
                                             ? detail::QueueMode::requeue
                                             : detail::QueueMode::count_done)) {
    detail::require_transferable<T>();
  }

  /// An item that was got is done: the one that the calling thread got last, else one that another
  /// thread of this process got, else one of another process.
  /// \throws ValueError if every item that was got is done
  void task_done() const { this->bytes().task_done(); }

  /// Waits until every item that was put is done, whoever had it. False: `timeout` has passed.
  /// \throws KeyboardInterrupt
  bool join(Timeout timeout = {}) const { return this->bytes().join(timeout); }

  /// Calls `task_done` at the end of its scope.
  class DoneGuard {
   public:
    explicit DoneGuard(const JoinableQueue& queue) : queue_(queue) {}
    DoneGuard(const DoneGuard&) = delete;
    DoneGuard& operator=(const DoneGuard&) = delete;
    ~DoneGuard() {
      try {
        queue_.task_done();
      } catch (const ValueError&) {  // somebody has said so already
      }
    }

   private:
    JoinableQueue queue_;
  };
  [[nodiscard]] DoneGuard done_guard() const { return DoneGuard(*this); }

  /// \throws ValueError if the queue is gone.
  static JoinableQueue from_handle_id(detail::HandleId id) {
    return JoinableQueue(detail::ByteQueue::from_id(id));
  }
  friend bool operator==(const JoinableQueue&, const JoinableQueue&) noexcept = default;

 private:
  explicit JoinableQueue(detail::ByteQueue bytes) noexcept : Queue<T>(std::move(bytes)) {}
};

}  // namespace multiprocessing

template <class T>
struct std::hash<multiprocessing::JoinableQueue<T>> : std::hash<multiprocessing::Queue<T>> {};
