#include "sync/caller.hpp"

#include "shm/arena.hpp"
#include "shm/local.hpp"
#include "shm/process_table.hpp"

namespace multiprocessing::sync {
namespace {

constexpr std::size_t kThreadCounter = 7;  // of ArenaHeader::family_words

/// What the thread knew when it called last, and what tells whether that still holds.
struct Known {
  Caller caller;
  shm::Name name;
  const std::atomic<std::uint64_t>* alive = nullptr;  // 0 in a process born since
  const shm::Local* local = nullptr;
};

void learn(Known& known) {
  known.name = shm::self();
  known.alive = &shm::alive_word();
  known.local = &shm::local();
  auto& counter = shm::arena().header().family_words[kThreadCounter];
  // relaxed: only that no two get the same number counts
  known.caller = {.owner = held_by(known.name),
                  .pid = shm::pid_of(known.name),
                  .thread = counter.fetch_add(1, std::memory_order_relaxed) + 1};
}

}  // namespace

const Caller& caller() {
  static thread_local constinit Known known;
  // relaxed: as in shm::self(), whose fast path this is
  const bool holds = known.alive != nullptr && known.alive->load(std::memory_order_relaxed) != 0 &&
                     known.local->name == known.name;
  if (!holds) [[unlikely]]
    learn(known);
  return known.caller;
}

}  // namespace multiprocessing::sync
