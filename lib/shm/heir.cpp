// Which children may have what this process had before it forked them, and use it.

#include <cstdint>

#include "shm/heirs.hpp"
#include "shm/local.hpp"
#include "shm/object.hpp"

namespace multiprocessing::shm {

std::uint64_t forks_so_far() noexcept {
  return local().forks.load(std::memory_order_relaxed);  // of the thread's own past, at least
}

bool has_heir(std::uint64_t entered, std::uint64_t dropped) noexcept {
  if (entered >= dropped) return false;
  return any_heir([=](std::uint64_t forks, const Slot& slot) {
    if ((slot.flags.load(std::memory_order_acquire) & kBystander) != 0) return false;
    return forks >= entered && (forks < dropped || forks == kInTheMaking);
  });
}

}  // namespace multiprocessing::shm
