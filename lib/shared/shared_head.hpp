#pragma once

// The object behind a Shared.
//
// Layout (64 bytes, the payload of an object of kind shared)
//
//   0   message   location of the block whose Message holds the encoded value and its handles
//   8   type      id of T, constant
//   16  reserved
//
// Invariant: message is set before anybody but the maker has the object, and never changes.
//
// Ordering: what hands the id on orders what was stored before it.
//
// Death. What a survivor finds if a process is killed
//   object made, message not yet linked   nobody else has the object: it goes with its maker
//   linked                                the same; the object's end releases the message
//   while it is destroyed                 unlink and release are resumable: the sweeper does both
//   decoding, or with a copy              a copy is the process's own
// Points: shared.make.created, shared.make.linked

#include <array>
#include <cstdint>
#include <type_traits>

#include "shm/block.hpp"

namespace multiprocessing::shared {

struct SharedHead {
  shm::Location message{0};
  std::uint64_t type = 0;
  std::array<std::uint64_t, 6> reserved{};
};
static_assert(std::is_standard_layout_v<SharedHead> && sizeof(SharedHead) == 64,
              "processes built apart must agree on offsets");

}  // namespace multiprocessing::shared
