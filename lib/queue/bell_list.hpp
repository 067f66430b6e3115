#pragma once

// Those who wait for a WaitWord's event in poll or epoll: bells noted beside the word.
//
// Layout of a page (256 bytes, a block; the first one's location lies beside the word)
//
//   0     next        location of the next page
//   8     notes       31 words: 0 free, else a bell's name (shm/bell.hpp) with kBellFlag: armed
//
//            note + arm (owner)            ring (the waker; rung once)
//   free ----------------------> armed -----------------------> noted
//     ^                          ^   |                            |
//     |                          +---+----------- arm ------------+
//     +---- leave (owner; anybody, if the owner is dead) ---------+
//
// Invariants
//   I1  The owner arms its note, then sets kBelled in the word, then looks. A waker publishes, then
//       reads the word, clears kBelled, and rings every armed note.
//   I2  A page stays where it is until its object is destroyed; a note belongs to who wrote it.
//   I3  An owner that drains its bell arms and looks afterwards, so no ring is lost.
//
// Ordering. Each pair is named where it is used.
//   [N] arm: seq_cst on the note, then on the word -> ring: seq_cst on the word, then loads of the
//       notes; store-load against the publish is [D] of wait_word.hpp
//
// Death
//   owner dead, note there          the next waker, or who needs a note, frees it
//   owner dead in note, not armed   likewise
//   waker dead before its rings     its death rings every bell of the family (shm/watch.hpp)
// Points: queue.bell.linked, queue.bell.noted, queue.bell.armed, queue.bell.cleared,
//   queue.bell.rung

#include <atomic>
#include <cstdint>

#include "queue/wait_word.hpp"
#include "shm/bell.hpp"
#include "shm/block.hpp"

namespace multiprocessing::lanes {

struct BellPage {
  static constexpr std::size_t kNotes = 31;
  shm::Location next;
  std::atomic<std::uint64_t> notes[kNotes];
};
static_assert(sizeof(BellPage) == 256);

/// A word's list of bells. Shared memory's part is the word and the location alone.
class BellList {
 public:
  using Note = std::atomic<std::uint64_t>;

  BellList(WaitWord& word, shm::Location& first) noexcept : word_(word), first_(first) {}

  /// A note of the bell's, not armed. \throws ArenaExhausted
  Note& note(const shm::Bell& bell);
  /// Before each look: what happens after it rings the bell. Sets kBelled.
  void arm(Note& note, const shm::Bell& bell) noexcept;
  static void leave(Note& note, const shm::Bell& bell) noexcept;

  /// Rings all who are armed: by a waker that has found kBelled in the word.
  void ring() noexcept;

 private:
  WaitWord& word_;
  shm::Location& first_;
};

/// Frees the pages: part of the object's destruction, may be run again.
void destroy_bells(shm::Location& first) noexcept;

}  // namespace multiprocessing::lanes
