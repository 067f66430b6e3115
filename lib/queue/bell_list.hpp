#pragma once

// Those who wait for a WaitWord's event in poll or epoll: bells noted beside the word.
//
// Layout of a page (256 bytes, a block; the first one's location lies beside the word)
//
//   0     next        location of the next page
//   8     notes       15 x {owner: a bell's name (shm/bell.hpp), 0: free; state: bit 0 armed,
//                     1 somebody rings or has rung, 2..63 how often it was armed}
//
//         take (owner)          arm (owner)          (a waker)             rung (a waker)
//   free -------------> disarmed ----------> armed(n) --------> ringing(n) -------------> disarmed
//
//   disarmed, armed(n), ringing(n) --- arm ---> armed(n+1);  --- leave ---> free
//
// Invariants
//   I1  The owner arms its note, then sets kBelled in the word and changes its count, then looks.
//   I2  A waker publishes, reads the word, rings each note that is armed or ringing, disarms it if
//       it was not armed again meanwhile, and clears kBelled if the word has not changed since. So
//       nothing depends on a waker that is stopped: before its ring the next one rings the note,
//       too; after it, its owner looks.
//   I3  A page stays where it is until its object is destroyed; a note belongs to its owner until
//       the owner leaves it, or is dead.
//   I4  An owner that drains its bell arms and looks afterwards, so no ring is lost.
//
// Ordering. Each pair is named where it is used.
//   [N] arm: seq_cst on the note, then on the word -> ring: seq_cst on the word, then loads of the
//       notes; store-load against the publish is [D] of wait_word.hpp
//
// Death
//   owner dead, note there          the next waker, or who needs a note, frees it
//   owner dead in note, not armed   likewise
//   waker dead, at any step         the next waker does it all; its death rings every bell of the
//                                   family (shm/watch.hpp)
//   waker that cannot reach a bell  (another network namespace, no descriptor) leaves the note
//   armed
//                                   and kBelled set for the next one
// Points: queue.bell.linked, queue.bell.noted, queue.bell.armed, queue.bell.found,
//   queue.bell.rung, queue.bell.cleared

#include <atomic>
#include <cstdint>

#include "queue/wait_word.hpp"
#include "shm/bell.hpp"
#include "shm/block.hpp"

namespace multiprocessing::lanes {

struct BellNote {
  std::atomic<std::uint64_t> owner;
  std::atomic<std::uint64_t> state;
};

struct BellPage {
  static constexpr std::size_t kNotes = 15;
  shm::Location next;
  BellNote notes[kNotes];
  std::uint64_t reserved;
};
static_assert(sizeof(BellPage) == 256);

/// A word's list of bells. Shared memory's part is the word and the location alone.
class BellList {
 public:
  BellList(WaitWord& word, shm::Location& first) noexcept : word_(word), first_(first) {}

  /// A note of the bell's, not armed. \throws ArenaExhausted
  BellNote& note(const shm::Bell& bell);
  /// Before each look: what happens after it rings the bell. Sets kBelled; returns the word as it
  /// left it. Threads of the owner may do it at once.
  std::uint32_t arm(BellNote& note) noexcept;
  static void leave(BellNote& note, const shm::Bell& bell) noexcept;
  /// Nobody has begun to ring since it was armed.
  static bool untouched(const BellNote& note) noexcept;

  /// Rings all who are armed: by a waker that has found kBelled in the word, after its publication.
  void ring() noexcept;

 private:
  WaitWord& word_;
  shm::Location& first_;
};

/// Frees the pages: part of the object's destruction, may be run again.
void destroy_bells(shm::Location& first) noexcept;

}  // namespace multiprocessing::lanes
