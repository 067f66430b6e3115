#include "connection/lookout.hpp"

#include <algorithm>
#include <exception>

#include "shm/process_table.hpp"
#include "sys/process.hpp"

namespace multiprocessing::connection {

Lookout::Lookout(int queue, shm::ObjectId peer) : peer_(peer) {
  group_.add(queue);
  refresh();
}

void Lookout::refresh() noexcept {
  try {
    const std::lock_guard guard(lock_);
    std::vector<shm::Name> holders = shm::living_holders(peer_);
    std::erase(holders, shm::self());
    std::erase_if(watched_, [&](const Watched& watched) {
      if (std::ranges::find(holders, watched.name) != holders.end()) return false;
      group_.remove(watched.pidfd.get());
      return true;
    });
    for (const shm::Name holder : holders) {
      if (std::ranges::find(watched_, holder, &Watched::name) != watched_.end()) continue;
      const pid_t pid = shm::pid_of(holder);
      if (pid == 0) continue;  // on its way into the world, from one who is in the group
      sys::UniqueFd pidfd = sys::open_pidfd(pid);
      if (shm::pid_of(holder) != pid) continue;
      group_.add(pidfd.get());
      watched_.push_back({holder, std::move(pidfd)});
    }
  } catch (const std::exception&) {
    // Out of descriptors or memory: the next refresh tries again.
  }
}

}  // namespace multiprocessing::connection
