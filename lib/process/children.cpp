#include "process/children.hpp"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "process/fork_server.hpp"
#include "process/launch.hpp"
#include "process/local.hpp"
#include "shm/process_table.hpp"
#include "shm/slot_word.hpp"

namespace multiprocessing::process {
namespace {

constexpr sys::Nanoseconds kExitGrace = 5'000'000'000;

constinit std::atomic<void (*)() noexcept> before_end{nullptr};

// A wait that a KeyboardInterrupt does not end.
bool wait_through(Child& child, sys::Nanoseconds deadline) noexcept {
  for (;;) {
    try {
      return child.wait(deadline);
    } catch (...) {
      if (child.poll_exit()) return true;
    }
  }
}

// A process of the table that works for this one, though another one forked it; null if it ended.
std::shared_ptr<Child> worker_in_slot(std::uint32_t index) {
  shm::Slot& slot = shm::slot_at(index);
  const std::uint64_t word = slot.state.load(std::memory_order_acquire);  // the table's claim
  if (shm::state_of(word) != shm::SlotState::live) return nullptr;
  const shm::Name name{index, shm::generation_of(word)};
  const pid_t pid = shm::pid_of(name);
  if (pid == 0) return nullptr;
  try {
    auto child = std::make_shared<Child>(name, shm::title_of(name), Child::Origin::elsewhere);
    child->found(pid, sys::open_pidfd(pid));
    // Alive after the pidfd was opened: the pid was its own then.
    return shm::is_dead(name) ? nullptr : child;
  } catch (const std::system_error&) {
    return nullptr;  // ended meanwhile
  }
}

}  // namespace

// One that had ended when it was born, reaped by the host program, is not kept: nobody would find
// that it ends, and forget it.
void Children::keep(std::shared_ptr<Child> child) {
  if (child->known_ended()) return;
  Local& mine = local();
  const std::lock_guard guard(mine.lock);
  child->place_ = mine.children.size();
  child->registered_ = true;
  mine.children.push_back(std::move(child));
  if (mine.exit_handler) return;
  mine.exit_handler = std::atexit([] { Children::end_all(); }) == 0;
}

void Children::forget(Child& child) noexcept {
  std::shared_ptr<Child> last_hold;  // dropped outside the lock
  Local& mine = local();
  const std::lock_guard guard(mine.lock);
  if (!std::exchange(child.registered_, false)) return;
  auto& place = mine.children[child.place_];
  last_hold = std::move(place);
  if (place != mine.children.back()) place = std::move(mine.children.back());
  mine.children.pop_back();
  if (child.place_ < mine.children.size()) mine.children[child.place_]->place_ = child.place_;
}

Children::List Children::all() {
  Local& mine = local();
  const std::lock_guard guard(mine.lock);
  return mine.children;
}

void Children::reap_finished() {
  Local& mine = local();
  reap_server();
  {
    const std::lock_guard guard(mine.lock);
    if (mine.children.empty()) return;
  }
  // A host that reaps leaves no zombies: then the growth of the list makes us look.
  const bool zombie = sys::zombie_waits();
  {
    const std::lock_guard guard(mine.lock);
    if (!zombie && mine.children.size() < mine.look_again_at) return;
  }
  for (const auto& child : all()) child->poll_exit();
  const std::lock_guard guard(mine.lock);
  mine.look_again_at = std::max<std::size_t>(64, 2 * mine.children.size());
}

void Children::set_before_end(void (*step)() noexcept) noexcept {
  before_end.store(step, std::memory_order_relaxed);  // a function is there from the start
}

void Children::end_all() noexcept {
  if (auto* const step = before_end.load(std::memory_order_relaxed)) step();
  // Children may be started meanwhile, by other threads or by exit handlers.
  for (List children = all(); !children.empty(); children = all()) {
    const auto daemons = std::partition(children.begin(), children.end(),
                                        [](const auto& child) { return !child->daemon(); });
    std::for_each(daemons, children.end(), [](const auto& child) { child->end_with(SIGTERM); });
    std::for_each(children.begin(), daemons,
                  [](const auto& child) { wait_through(*child, sys::kForever); });
    std::for_each(daemons, children.end(),
                  [deadline = sys::deadline_after(kExitGrace)](const auto& child) {
                    if (wait_through(*child, deadline)) return;
                    child->end_with(SIGKILL);
                    wait_through(*child, sys::kForever);
                  });
  }
}

Children::List living_children() {
  Children::List living;
  for (auto& child : Children::all()) {
    if (!child->poll_exit()) living.push_back(std::move(child));
  }
  const std::uint64_t me = shm::pack_name(shm::self());
  const auto used =
      static_cast<std::uint32_t>(shm::arena().header().slots_used.load(std::memory_order_acquire));
  for (std::uint32_t index = 0; index < used; ++index) {
    shm::Slot& slot = shm::slot_at(index);
    // relaxed: a guess, checked by worker_in_slot
    if (slot.parent.load(std::memory_order_relaxed) != me) continue;
    if ((slot.flags.load(std::memory_order_relaxed) & kListedWorker) == 0) continue;
    if (auto worker = worker_in_slot(index)) living.push_back(std::move(worker));
  }
  return living;
}

}  // namespace multiprocessing::process
