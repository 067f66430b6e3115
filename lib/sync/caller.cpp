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

constinit thread_local Known known;

void learn() {
  known.name = shm::self();
  known.alive = &shm::alive_word();
  known.local = &shm::local();
  known.caller = new_caller(known.name, shm::pid_of(known.name));
}

}  // namespace

Caller new_caller(shm::Name owner, pid_t pid) {
  auto& counter = shm::arena().header().family_words[kThreadCounter];
  // relaxed: only that no two get the same number counts
  return {.owner = held_by(owner),
          .pid = pid,
          .thread = counter.fetch_add(1, std::memory_order_relaxed) + 1};
}

// A child that is forked meanwhile is itself again at its first look.
ActingAs::ActingAs(const Caller& other) : self_(caller()) {
  known.caller = other;
}

ActingAs::~ActingAs() {
  known.caller = self_;
}

const Caller& caller() {
  // relaxed: as in shm::self(), whose fast path this is
  const bool holds = known.alive != nullptr && known.alive->load(std::memory_order_relaxed) != 0 &&
                     known.local->name == known.name;
  if (!holds) [[unlikely]]
    learn();
  return known.caller;
}

}  // namespace multiprocessing::sync
