#pragma once

// Waiting for a queue with a descriptor, among others: one wait of a thread (QueueWatch), and the
// descriptor that a user may hand to poll, epoll or an event loop (fileno).
//
//   QueueWatch watch(queue, shm::thread_bell());      // for each queue
//   shm::Sleeper sleeper(shm::thread_bell());
//   for (;;) {
//     sleeper.note();
//     bell.drain(); watch.arm();                      // before the look
//     if (watch.ready()) ...
//     if (!sleeper.sleep_polling(fds, deadline)) ...  // one of the fds is the bell's
//   }
//
// Death: a note of a dead process is dropped by the next waker (bell_list.hpp).

#include "queue/bell_list.hpp"
#include "queue/local_queue.hpp"
#include "shm/bell.hpp"

namespace multiprocessing::lanes {

/// One queue of those that a thread waits for. Requires that queue and bell outlive it.
class QueueWatch {
 public:
  /// \throws ArenaExhausted
  QueueWatch(LocalQueue& queue, const shm::Bell& bell)
      : queue_(queue),
        bell_(bell),
        list_(queue.view.state.items, queue.view.state.bells),
        note_(&list_.note(bell)) {}
  QueueWatch(const QueueWatch&) = delete;
  QueueWatch& operator=(const QueueWatch&) = delete;
  ~QueueWatch() {
    if (note_ != nullptr) BellList::leave(*note_, bell_);
  }
  /// The queue is gone, and the note with it.
  void forget() noexcept { note_ = nullptr; }

  /// Before each look: what is put from now on is seen by `ready`, or rings the bell.
  void arm() noexcept {
    const std::uint32_t armed = list_.arm(*note_);
    (void)settle_announcement(queue_.view.state.items, armed, false);
  }
  [[nodiscard]] bool untouched() const noexcept { return BellList::untouched(*note_); }
  [[nodiscard]] bool ready() noexcept { return is_ready(queue_); }

 private:
  LocalQueue& queue_;
  const shm::Bell& bell_;
  BellList list_;
  BellNote* note_;
};

/// A descriptor that is readable while the queue holds something or is shut down. It may be so in
/// vain: a `get` of this process that finds nothing makes it unreadable. A forked child has a copy
/// of its parent's, and makes its own at its first call.
class Fileno {
 public:
  /// \throws ArenaExhausted, std::system_error
  explicit Fileno(LocalQueue& queue);

  [[nodiscard]] int fd() const noexcept { return bell_.fd(); }
  [[nodiscard]] bool is_own() const noexcept { return bell_.is_own(); }
  /// After a get, which took something or found nothing.
  void refresh(bool took) noexcept;
  void forget() noexcept { watch_.forget(); }

 private:
  void arm() noexcept;

  shm::Bell bell_;
  QueueWatch watch_;
};

/// This process's descriptor of the queue, made at the first call. \throws as Fileno
int fileno_of(LocalQueue& queue);
void refresh_fileno(LocalQueue& queue, bool took) noexcept;
/// When the queue is gone.
void forget_fileno(LocalQueue& queue) noexcept;

}  // namespace multiprocessing::lanes
