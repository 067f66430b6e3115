#pragma once

// The consumers' side of a lane, and what anybody may find out about it. The protocol is
// lane.hpp's.

#include <cstddef>
#include <cstdint>

#include "queue/queue_state.hpp"
#include "queue/ticket.hpp"
#include "shm/block.hpp"

namespace multiprocessing::lanes {

/// Where items go, and what came.
struct Taken {
  std::byte* into;  // room for `room` bytes: at least kInlineBytes, or the items' size
  std::size_t room;
  std::size_t size = 0;  // of the item in `into`; of all of them, for `take_run`
  shm::Block block;      // the item is this message instead: taken(me)
  TicketRef ticket;      // or the message of this ticket: reading(me)
};

/// Takes the oldest item of the lane. False: it has none.
bool take_from(QueueView& queue, std::uint32_t lane, Taken& out) noexcept;

/// Takes up to `count` items of `size` bytes each, which stand in records of their own, by one
/// claim. Returns how many; 0: none is there, or the oldest one is a block.
std::size_t take_run(QueueView& queue, std::uint32_t lane, Taken& out, std::size_t size,
                     std::size_t count) noexcept;

/// The oldest record that is an item, after the head has been moved over what is none.
struct Front {
  std::uint64_t place = 0;
  Record record;  // kind none: the lane is drained
};
Front front_of(QueueView& queue, Lane& lane) noexcept;

/// Items in the lane, as of some moment during the call.
std::uint64_t items_in(QueueView& queue, Lane& lane) noexcept;

/// Memory, and then the kernel: the lane's owner has died (its sweep may still go on).
bool owner_is_dead(Owner owner) noexcept;
/// Memory only: nobody owns the lane, or its owner's slot has been swept.
bool owner_is_swept(Owner owner) noexcept;

/// Behind the last record that a dead owner published.
struct End {
  std::uint64_t place;
  std::uint32_t number;
};
End end_of_dead(QueueView& queue, Lane& lane) noexcept;

/// Empties the segment's location, which held `ref`, and frees the block.
void discard_segment(QueueView& queue, Lane& lane, std::uint32_t segment,
                     std::uint64_t ref) noexcept;

/// Frees what consumers that died after passing a jump have left, 1 or 2 indices behind the head's
/// (I5): never more, as nobody passes the next jump before that.
void discard_left_over(QueueView& queue, Lane& lane) noexcept;

/// Gives the memory of a drained lane back whose owner is gone, and the lane itself.
void vacate(QueueView& queue, std::uint32_t lane) noexcept;

/// For shm's sweep: whether the record at a place was published.
bool lane_published(shm::Offset lane, std::uint64_t place, shm::BlockRef block) noexcept;

}  // namespace multiprocessing::lanes
