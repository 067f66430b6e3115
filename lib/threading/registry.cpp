#include "threading/registry.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <new>

#include "process/children.hpp"
#include "sys/process.hpp"
#include "sys/thread.hpp"
#include "threading/here.hpp"

namespace multiprocessing::threads {
namespace {

constinit thread_local ThreadState* current = nullptr;

/// A foreign thread leaves the list when it ends.
struct Leaver {
  Leaver() = default;
  Leaver(const Leaver&) = delete;
  Leaver& operator=(const Leaver&) = delete;
  ~Leaver() {
    if (current != nullptr) leave(*current);
    current = nullptr;
  }
};

pthread_t first_thread = ::pthread_self();  // of this process

void before_fork() noexcept {
  registry().lock.lock();
}
void after_fork_in_parent() noexcept {
  registry().lock.unlock();
}

void forget(ThreadState& state) noexcept {
  if (state.phase == Phase::initial) return;
  state.phase = Phase::ended;
  state.reaping = true;  // there is nobody to join
  state.object = nullptr;
  sync::set(state.ended.state);
  sync::set(state.reaped.state);
}

// Runs in the child, in which the forking thread holds the lock and is the only one.
void after_fork_in_child() noexcept {
  Registry& all = registry();
  for (const auto* list : {&all.alive, &all.finished}) {
    for (const StateRef& state : *list) {
      if (state.get() != current) forget(*state);
    }
  }
  all.finished.clear();
  std::erase_if(all.alive, [](const StateRef& state) { return state.get() != current; });
  all.main = all.alive.empty() ? nullptr : all.alive.front();
  if (current != nullptr) current->native_id = sys::current_thread_id();
  first_thread = ::pthread_self();
  all.exit_handler = false;
  all.lock.unlock();
}

// At load, so that no thread can be in the middle of it when another forks.
const int handlers = pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);

bool is_main() noexcept {
  return sys::current_thread_id() == sys::current_pid();
}

StateRef make_foreign(Registry& all, const std::string& name, bool daemon, pthread_t handle,
                      pid_t native_id) {
  auto state = make_local<ThreadState>();
  state->name = name;
  state->daemon = daemon;
  state->phase = Phase::running;
  state->handle = handle;
  state->native_id = native_id;
  all.alive.push_back(state);
  return state;
}

}  // namespace

Registry& registry() noexcept {
  // never destroyed: daemonic threads and static destructors may still use it
  alignas(Registry) static std::array<std::byte, sizeof(Registry)> room;
  static auto* const only = new (room.data()) Registry;
  return *only;
}

ThreadState* current_state(bool make) {
  if (current != nullptr || !make) return current;
  Registry& all = registry();
  if (is_main()) {
    current = main_state().get();
    return current;
  }
  const std::lock_guard guard(all.lock);
  std::string name = sys::own_name();  // as an executor has named its threads
  if (name.empty()) name = "Dummy-" + std::to_string(++all.dummies);
  current = make_foreign(all, name, true, ::pthread_self(), sys::current_thread_id()).get();
  thread_local const Leaver leaver;
  (void)leaver;
  return current;
}

StateRef main_state() {
  Registry& all = registry();
  const std::lock_guard guard(all.lock);
  if (!all.main) {
    const pthread_t handle = is_main() ? ::pthread_self() : first_thread;
    all.main = make_foreign(all, "MainThread", false, handle, sys::current_pid());
    sync::set(all.main->started.state);
  }
  return all.main;
}

void become(ThreadState& state) noexcept {
  current = &state;
}

void add(Registry& all, StateRef state) {
  if (!all.exit_handler) {
    process::Children::set_before_end(end_all);
    all.exit_handler = std::atexit([] { end_all(); }) == 0;
  }
  all.finished.reserve(all.finished.size() + all.alive.size() + 1);  // `leave` must not throw
  all.alive.push_back(std::move(state));
}

void leave(ThreadState& state) noexcept {
  Registry& all = registry();
  StateRef last_hold;  // dropped outside the lock
  {
    const std::lock_guard guard(all.lock);
    const auto place = std::ranges::find(all.alive, &state, &StateRef::get);
    if (place != all.alive.end()) {
      last_hold = std::move(*place);
      all.alive.erase(place);
    }
    state.phase = Phase::ended;
    if (state.ours) all.finished.push_back(last_hold);
  }
  sync::set(state.ended.state);
}

void reap(ThreadState& state) noexcept {
  Registry& all = registry();
  StateRef last_hold;
  {
    const std::lock_guard guard(all.lock);
    if (!state.ours) return;
    if (state.reaping) {
      last_hold = nullptr;
    } else {
      state.reaping = true;
      const auto place = std::ranges::find(all.finished, &state, &StateRef::get);
      last_hold = place != all.finished.end() ? std::move(*place) : state.shared_from_this();
      if (place != all.finished.end()) all.finished.erase(place);
    }
  }
  if (last_hold) {
    sys::join_thread(state.handle);
    sync::set(state.reaped.state);
    return;
  }
  for (;;) {  // another one joins it
    try {
      if (sync::wait(state.reaped.state, Timeout())) return;
    } catch (...) {  // NOLINT(bugprone-empty-catch): an interrupt; it takes no time any more
    }
  }
}

void reap_finished() noexcept {
  Registry& all = registry();
  for (;;) {
    StateRef one;
    {
      const std::lock_guard guard(all.lock);
      if (all.finished.empty()) return;
      one = all.finished.back();
      if (one.get() == current) return;
    }
    reap(*one);
  }
}

void end_all() noexcept {
  Registry& all = registry();
  for (;;) {
    StateRef one;
    {
      const std::lock_guard guard(all.lock);
      const auto place = std::ranges::find_if(all.alive, [](const StateRef& state) {
        return state->ours && !state->daemon && state.get() != current;
      });
      if (place != all.alive.end()) one = *place;
    }
    if (!one) break;
    try {
      (void)sync::wait(one->ended.state, Timeout());
    } catch (...) {  // NOLINT(bugprone-empty-catch): an interrupt does not end the wait
    }
  }
  reap_finished();
  const std::lock_guard guard(all.lock);
  if (std::ranges::any_of(all.alive, &ThreadState::daemon, &StateRef::operator*)) abandon_objects();
}

}  // namespace multiprocessing::threads
