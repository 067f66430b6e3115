#pragma once

// What this room lays into the arena, for its layout id (shm/layout.hpp).

#include "connection/end.hpp"
#include "shm/layout.hpp"

namespace multiprocessing::connection {

inline constexpr std::uint64_t kLayout = []() consteval {
  return shm::Layout("connection", 1)
      .structure(MULTIPROCESSING_STRUCTURE(EndState, in, out, peer, reserved))
      .value();
}();

}  // namespace multiprocessing::connection
