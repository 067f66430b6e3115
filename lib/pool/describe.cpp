#include "pool/describe.hpp"

#include <algorithm>
#include <array>

#include "pool/state.hpp"

// Guesses, all of them relaxed: nothing is followed, and nothing is concluded from two of them.

namespace multiprocessing::pool {
namespace {

const char* name_of(Phase phase) noexcept {
  constexpr std::array<const char*, 4> kNames = {"open", "closed", "terminating", "broken"};
  const auto index = static_cast<std::size_t>(phase);
  return index < kNames.size() ? kNames[index] : "?";
}

void describe_seat(Seat& seat, std::uint32_t index, std::string& out) {
  const auto word = SeatWord::unpack(seat.word.load(std::memory_order_relaxed));
  out += "\n      worker " + std::to_string(index) + ": ";
  if (word.phase == SeatPhase::vacant) {
    out += "none";
    return;
  }
  out += "pid " + std::to_string(seat.pid.load(std::memory_order_relaxed)) + ", ";
  const auto doing = DoingWord::unpack(seat.doing.load(std::memory_order_relaxed));
  if (word.phase == SeatPhase::starting) {
    out += "starting";
  } else if (doing.what == Doing::task) {
    out += "runs a task";
  } else if (doing.what == Doing::job) {
    out += "runs chunk " + std::to_string(doing.chunk) + " of a map";
  } else {
    out += seat.park.load(std::memory_order_relaxed) != 0 ? "idle" : "looks for work";
  }
  out += ", " + std::to_string(seat.done.load(std::memory_order_relaxed)) + " done";
}

}  // namespace

void describe_pool(shm::ObjectHeader& object, std::string& out) {
  PoolState& state = state_in(object);
  const std::uint32_t seats = std::min(wanted_seats(state), kMaxWorkers);
  const std::uint64_t queued = state.tasks.tail.load(std::memory_order_relaxed) -
                               state.tasks.head.load(std::memory_order_relaxed);
  out += std::string(name_of(phase_of(state))) + ", " + std::to_string(seats) + " workers, " +
         std::to_string(queued) + " in the queue, keeper " +
         shm::person(shm::unpack_name(state.keeper.load(std::memory_order_relaxed)));
  for (std::uint32_t i = 0; i < seats; ++i) describe_seat(state.seat(i), i, out);
}

}  // namespace multiprocessing::pool
