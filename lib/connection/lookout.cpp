#include "connection/lookout.hpp"

#include <algorithm>
#include <exception>

#include "shm/process_table.hpp"
#include "sys/process.hpp"

namespace multiprocessing::connection {

namespace {

// Between two looks where nobody can be looked out for: as often as a seat in the watch looks.
constexpr sys::Nanoseconds kLookEvery = 50'000'000;

}  // namespace

Lookout::Lookout(int queue, shm::ObjectId peer) : peer_(peer) {
  group_.add(queue);
  group_.add(timer_.fd());
  refresh();
}

void Lookout::refresh() noexcept {
  bool held_here = false;
  const std::lock_guard guard(lock_);
  try {
    std::vector<shm::Name> holders = shm::living_holders(peer_);
    held_here = std::erase(holders, shm::self()) != 0;  // then we ring ourselves
    go_by(holders);
  } catch (const std::exception&) {
    // Out of descriptors or memory: the next refresh tries again.
  }
  const bool in_the_dark =
      watched_.empty() && !held_here && shm::look_for_the_living(peer_) != shm::Held::by_nobody;
  timer_.set(in_the_dark ? kLookEvery : sys::kForever);
}

void Lookout::go_by(const std::vector<shm::Name>& holders) {
  std::erase_if(watched_, [&](const Watched& watched) {
    if (std::ranges::find(holders, watched.name) != holders.end()) return false;
    group_.remove(watched.pidfd.get());
    return true;
  });
  for (const shm::Name holder : holders) {
    if (std::ranges::find(watched_, holder, &Watched::name) != watched_.end()) continue;
    const pid_t pid = shm::pid_of(holder);
    if (pid == 0) continue;  // on its way into the world
    sys::UniqueFd pidfd = sys::open_pidfd(pid);
    if (shm::pid_of(holder) != pid) continue;
    group_.add(pidfd.get());
    watched_.push_back({holder, std::move(pidfd)});
  }
}

}  // namespace multiprocessing::connection
