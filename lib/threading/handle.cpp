#include <multiprocessing/detail/thread_handle.hpp>

#include <algorithm>

#include <multiprocessing/errors.hpp>

#include "sys/thread.hpp"
#include "threading/registry.hpp"

namespace multiprocessing::threading {
namespace {

using threads::Phase;
using threads::registry;

}  // namespace

threads::ThreadState& ThreadHandle::state() const {
  if (!state_) throw ValueError("thread object was moved from: use the one that it was moved to");
  return *state_;
}

bool ThreadHandle::join(Timeout timeout) const {
  threads::ThreadState& mine = state();
  if (&mine == threads::current_state()) {
    throw ValueError(
        "cannot join current thread: it would wait for itself; join it from another one");
  }
  {
    const std::lock_guard guard(registry().lock);
    if (mine.phase == Phase::initial) {
      throw ValueError("cannot join thread before it is started: call start() first");
    }
  }
  const threads::StateRef kept = state_;
  if (!sync::wait(mine.ended.state, timeout)) return false;
  threads::reap(mine);
  return true;
}

bool ThreadHandle::is_alive() const {
  const std::lock_guard guard(registry().lock);
  return state().phase == Phase::running;
}

std::string ThreadHandle::name() const {
  const std::lock_guard guard(registry().lock);
  return state().name;
}

void ThreadHandle::set_name(const std::string& name) const {
  const std::lock_guard guard(registry().lock);
  threads::ThreadState& mine = state();
  mine.name = name;
  if (mine.phase == Phase::running && mine.ours) sys::name_thread(mine.handle, name);
}

std::optional<std::uint64_t> ThreadHandle::ident() const {
  const std::lock_guard guard(registry().lock);
  if (state().phase == Phase::initial) return std::nullopt;
  return static_cast<std::uint64_t>(state().handle);
}

std::optional<pid_t> ThreadHandle::native_id() const {
  const std::lock_guard guard(registry().lock);
  if (state().native_id == 0) return std::nullopt;
  return state().native_id;
}

bool ThreadHandle::daemon() const {
  const std::lock_guard guard(registry().lock);
  return state().daemon;
}

void ThreadHandle::set_daemon(bool daemon) const {
  const std::lock_guard guard(registry().lock);
  if (state().phase != Phase::initial) {
    throw ValueError("cannot set daemon status of active thread: set it before start()");
  }
  state().daemon = daemon;
}

ThreadHandle current_thread() {
  return threads::ThreadAccess::handle(threads::current_state()->shared_from_this());
}

ThreadHandle main_thread() {
  return threads::ThreadAccess::handle(threads::main_state());
}

std::vector<ThreadHandle> enumerate() {
  (void)threads::main_state();  // so that it is listed
  std::vector<ThreadHandle> threads;
  const std::lock_guard guard(registry().lock);
  for (const threads::StateRef& state : registry().alive) {
    threads.push_back(threads::ThreadAccess::handle(state));
  }
  return threads;
}

int active_count() {
  return static_cast<int>(enumerate().size());
}

std::uint64_t get_ident() noexcept {
  return static_cast<std::uint64_t>(::pthread_self());
}

pid_t get_native_id() noexcept {
  return sys::current_thread_id();
}

ExceptHook set_excepthook(ExceptHook hook) {
  const std::lock_guard guard(registry().lock);
  return std::exchange(registry().hook, std::move(hook));
}

}  // namespace multiprocessing::threading
