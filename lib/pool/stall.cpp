#include "pool/stall.hpp"

namespace multiprocessing::pool {
namespace {

std::uint64_t sum_of_heads(const PoolState& state) noexcept {
  std::uint64_t sum = state.tasks.head.load(std::memory_order_relaxed) +
                      state.returned.head.load(std::memory_order_relaxed);
  for (const RingState& ring : state.ranked) sum += ring.head.load(std::memory_order_relaxed);
  return sum;
}

}  // namespace

// relaxed: stall.hpp
sys::Nanoseconds Stall::look(View& view) noexcept {
  PoolState& state = view.state();
  if (!anybody(state.parked, state)) return sys::kForever;
  const std::uint64_t heads = sum_of_heads(state);  // before the look, so that it is not too new
  if (!has_work(view)) {
    if (since_.load(std::memory_order_relaxed) != 0) since_.store(0, std::memory_order_relaxed);
    return sys::kForever;
  }
  const sys::Nanoseconds now = sys::now();
  const sys::Nanoseconds since = since_.load(std::memory_order_relaxed);
  if (since != 0 && heads == heads_.load(std::memory_order_relaxed)) {
    if (now - since < kStands) return since + kStands;
    // One that runs after all parks or finds work without its bit as well as with it (S5). While
    // one that does not run kept it, no submission would wake anybody.
    for (std::uint32_t i = 0; i < state.seats; ++i) clear_bit(state.searching, i);
    wake_parked(state, 1);
  }
  heads_.store(heads, std::memory_order_relaxed);
  since_.store(now, std::memory_order_relaxed);
  return now + kStands;
}

}  // namespace multiprocessing::pool
