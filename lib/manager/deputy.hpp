#pragma once

// What one client holds in the manager's memory, which it has no part in: locks, in a name of its
// own (shm/stand_in.hpp), so that for everybody in the family its death is a process's.
//
//   unused --first Turn--> acting --end, once no Turn is under way--> ended: swept like the dead
//
// Each thread of the client is a caller of its own, however its calls are spread over the manager's
// threads: an RLock is held by a thread.
//
// Invariants
//   D1  The name is there while a Turn is under way.
//   D2  After `end` there is no new Turn.
//
// Death: of the client: its anchor ends, and with that this; waits that were under way for it give
// up what they took. Of the manager: the name dies with it.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "shm/stand_in.hpp"
#include "sync/caller.hpp"

namespace multiprocessing::manager {

class Deputy {
 public:
  explicit Deputy(std::int32_t client) noexcept : client_(client) {}
  Deputy(const Deputy&) = delete;
  Deputy& operator=(const Deputy&) = delete;
  ~Deputy() { end(); }

  /// While it lives, this thread of the manager is that thread of the client.
  class Turn {
   public:
    /// \throws EOFError if the client has gone; std::system_error if the process table is full
    Turn(Deputy& deputy, std::uint64_t thread);
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn();

   private:
    Deputy& deputy_;
    std::optional<sync::ActingAs> acting_;
  };

  /// Somebody waits for the client; `end` is to break that off soon.
  void note_wait() noexcept { waits_.store(true, std::memory_order_relaxed); }
  /// The client has gone. Never blocks for long.
  void end() noexcept;

 private:
  const sync::Caller& enter(std::uint64_t thread);
  void leave() noexcept;

  std::int32_t client_;
  std::atomic<bool> waits_{false};  // relaxed: only whether to wake sleepers early
  std::mutex lock_;                 // guards what follows
  std::optional<shm::StandIn> stand_in_;
  std::unordered_map<std::uint64_t, sync::Caller> threads_;
  std::size_t turns_ = 0;
  bool over_ = false;
};

}  // namespace multiprocessing::manager
