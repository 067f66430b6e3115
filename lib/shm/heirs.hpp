#pragma once

// The children of this process that inherit its holds and have not been swept.
//
// A child has what was held at its fork: entered before it, and dropped after it. Forks are counted
// in the slot of the child (Slot::inherit_index), which is what tells the two apart.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "shm/local.hpp"

namespace multiprocessing::shm {

/// Of one that has a slot and has not been forked, or was forked past pthread_atfork and has not
/// said when: all bits are set.
inline constexpr std::uint64_t kInTheMaking = ~std::uint64_t{0};

/// Calls visit(forks, slot) for each heir, with the forks of this process before its own, until
/// that returns true.
template <class F>
bool any_heir(F visit) noexcept {
  const std::uint64_t me = pack_name(here().name);
  const std::uint64_t used = arena().header().slots_used.load(std::memory_order_acquire);
  for (std::uint32_t i = 0; i < used; ++i) {
    const Slot& slot = slot_at(i);
    if (slot.inherits.load(std::memory_order_acquire) != me) continue;
    if ((slot.state.load(std::memory_order_acquire) & 3U) == 0) continue;
    if (visit(slot.inherit_index.load(std::memory_order_acquire), slot)) return true;
  }
  return false;
}

/// All heirs at some moment.
class Heirs {
 public:
  Heirs() {
    (void)any_heir([this](std::uint64_t forks, const Slot&) {
      forks_.push_back(forks);
      return false;
    });
    std::ranges::sort(forks_);
  }

  /// One of them may have what was entered after `entered` forks and dropped after `dropped`.
  [[nodiscard]] bool may_have(std::uint64_t entered, std::uint64_t dropped) const noexcept {
    if (forks_.empty()) return false;
    const auto heir = std::ranges::lower_bound(forks_, entered);
    return (heir != forks_.end() && *heir < dropped) || forks_.back() == kInTheMaking;
  }

 private:
  std::vector<std::uint64_t> forks_;
};

}  // namespace multiprocessing::shm
