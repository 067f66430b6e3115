#pragma once

// What this room lays into the arena, for its layout id (shm/layout.hpp).

#include "executor/shared_future.hpp"
#include "shm/layout.hpp"

namespace multiprocessing::executor {

inline constexpr std::uint64_t kLayout = []() consteval {
  return shm::Layout("executor", 1)
      .structure(MULTIPROCESSING_STRUCTURE(FutureState, word, flags, owner, type, contents, cell,
                                           sequence, items, owner_pid, reserved0, reserved1))
      .number(kFutureSleeper | kFutureStop << 8U)
      .number(kFutureIsTask | kFutureIsJob << 8U | kFutureRaised << 16U)
      .value();
}();

}  // namespace multiprocessing::executor
