// What a child is to find that this process forks: the futures of its threads' tasks.
//
// A forked child has a copy of each future, but not the thread that completes it. So those that
// have not ended get a name in shared memory before the fork, which is where the copy looks.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include <multiprocessing/detail/fork_mutex.hpp>

#include "executor/thread_engine.hpp"
#include "process/launch.hpp"
#include "shm/process_table.hpp"
#include "sys/clock.hpp"

namespace multiprocessing::executor {
namespace {

struct Engines {
  detail::ForkMutex lock;  // guards this; before an engine's own locks
  std::vector<ThreadEngine*> all;
};
Engines& engines() {
  static auto* const made = new Engines;  // never destroyed: executors may be static
  return *made;
}

void bequeath_all() noexcept {
  Engines& here = engines();
  const std::lock_guard guard(here.lock);
  for (ThreadEngine* const engine : here.all) engine->bequeath();
}

}  // namespace

void enter_engine(ThreadEngine& engine) {
  static const bool told = (process::before_children(bequeath_all), true);
  (void)told;
  Engines& here = engines();
  const std::lock_guard guard(here.lock);
  here.all.push_back(&engine);
}

void leave_engine(ThreadEngine& engine) noexcept {
  Engines& here = engines();
  const std::lock_guard guard(here.lock);
  std::erase(here.all, &engine);
}

void ThreadEngine::bequeath() noexcept {
  if (owner_ != shm::self()) return;
  std::vector<Task> queued;
  std::vector<std::pair<Place*, std::uintptr_t>> running;
  try {
    const std::scoped_lock guard(queue_, joining_);
    for (const List& list : lists_) {
      for (Task task = list.head; task; task = task->next) queued.push_back(task);
    }
    running.reserve(places_.size());
    for (Place& place : places_) {
      std::uintptr_t task = place.running.load(std::memory_order_acquire);
      if (task == 0 || !place.running.compare_exchange_strong(task, task | kLookedAt)) continue;
      running.emplace_back(&place, task);
    }
  } catch (const std::bad_alloc&) {  // to the child they have failed
  }
  for (const Task& task : queued) task->bequeath();
  for (const auto& [place, task] : running) {
    reinterpret_cast<detail::LocalTask*>(task)->bequeath();
    place->running.store(task, std::memory_order_release);
  }
}

// Who makes it wait: a thread that is about to fork, which never blocks meanwhile; or this one.
void ThreadEngine::let_end(Place& place, const detail::LocalTask& task) noexcept {
  const auto mine = reinterpret_cast<std::uintptr_t>(&task);
  for (;;) {
    std::uintptr_t seen = mine;
    if (place.running.compare_exchange_weak(seen, 0, std::memory_order_acq_rel)) return;
    if (seen != mine) sys::yield();
  }
}

}  // namespace multiprocessing::executor
