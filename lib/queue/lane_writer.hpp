#pragma once

// The producer's side of a lane: what the owner of a lane keeps to itself. The protocol is
// lane.hpp's.
//
// Plain memory of one process, guarded by the caller's lock. All of it can be read off the lane.

#include <cstddef>
#include <cstdint>

#include "queue/queue_state.hpp"

namespace multiprocessing::lanes {

class LaneWriter {
 public:
  /// Makes a lane this process's own: a vacant one, one that a dead process has left drained, or a
  /// new one. \throws ArenaExhausted
  void attach(QueueView& queue);
  /// A forked child owns nothing of its parent's.
  void detach() noexcept { *this = LaneWriter(); }
  [[nodiscard]] bool attached() const noexcept { return lane_ != nullptr; }

  /// Room for an item's record of `words` at one stretch, behind what was appended so far; grows
  /// the lane if need be. \throws ArenaExhausted, and nothing has changed that a reader could see
  Word* room(QueueView& queue, std::uint64_t words);
  /// Where that record begins.
  [[nodiscard]] std::uint64_t place() const noexcept { return place_of(segment_, tail_); }
  [[nodiscard]] std::uint32_t number() const noexcept { return number_; }
  [[nodiscard]] std::uint32_t epoch() const noexcept { return epoch_; }
  [[nodiscard]] Lane& lane() const noexcept { return *lane_; }

  /// Counts in the record that was filled at `room`.
  void append(RecordKind kind, std::uint32_t size, std::uint64_t words) noexcept;
  /// Appends items of `size` bytes that lie side by side to the lane of an unbounded queue, as
  /// many of the `count` as fit at one stretch, and at least one. How many. \throws ArenaExhausted
  std::size_t append_run(QueueView& queue, const std::byte* items, std::size_t size,
                         std::size_t count);
  /// Makes everything that was appended visible by one store.
  void publish() noexcept;
  [[nodiscard]] bool pending() const noexcept { return first_ != nullptr; }

  /// For large items of about `size` bytes: the head as it stands, if somebody has been taking
  /// since the last call and so much is waiting that it leaves the caches; 0 if not.
  std::uint64_t head_of_backlog(std::size_t size) noexcept;

 private:
  bool try_own(QueueView& queue, std::uint32_t number);
  bool own_existing(QueueView& queue);
  void own_new(QueueView& queue);
  void resume(QueueView& queue);
  void open_segment(QueueView& queue, std::uint32_t segment, std::uint64_t words,
                    std::uint64_t first);
  bool open_what_fits(QueueView& queue, std::uint32_t segment, std::uint64_t words,
                      std::uint64_t least);
  void grow(QueueView& queue, std::uint64_t words, bool smaller);
  void add(Record record, std::uint64_t words) noexcept;
  [[nodiscard]] bool fits(std::uint64_t words) const noexcept;
  [[nodiscard]] bool oversized(Lane& lane) noexcept;

  Lane* lane_ = nullptr;
  Word* hint_ = nullptr;
  std::uint64_t hint_bit_ = 0;
  std::uint32_t number_ = 0;
  std::uint32_t epoch_ = 0;
  std::uint32_t segment_ = 0;
  std::uint32_t item_ = 0;   // number of the next item
  std::uint64_t tail_ = 0;   // position of the next record
  std::uint64_t floor_ = 0;  // the head when it was last looked at, or the segment's start
  Ring ring_;
  Word* first_ = nullptr;  // of what was appended and is not published
  std::uint64_t first_word_ = 0;
  std::uint32_t looks_ = 0;
  std::uint64_t last_head_ = 0;  // at the last call of head_of_backlog
};

}  // namespace multiprocessing::lanes
