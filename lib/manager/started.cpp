#include "manager/started.hpp"

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <vector>

#include "manager/manager_state.hpp"
#include "sys/process.hpp"

namespace multiprocessing::manager {
namespace {

// Never destroyed: managers may go after static destructors have begun.
struct Started {
  std::mutex lock;
  std::vector<ManagerState*> states;
  pid_t pid = 0;
};

Started& started() {
  static auto* const instance = new Started;
  return *instance;
}

void shut_all_down() noexcept {
  Started& mine = started();
  if (mine.pid != sys::current_pid()) return;
  std::vector<ManagerState*> states;
  {
    const std::lock_guard guard(mine.lock);
    states.swap(mine.states);
  }
  for (ManagerState* const state : states) {
    try {
      state->shutdown();
    } catch (const std::exception&) {  // it is over already
    }
  }
}

}  // namespace

void remember_started(ManagerState& state) {
  Started& mine = started();
  const std::lock_guard guard(mine.lock);
  if (mine.pid != sys::current_pid()) {
    mine.states.clear();
    mine.pid = sys::current_pid();
    // Handlers run last registered first: this one before the library's own, which waits.
    static_cast<void>(std::atexit(shut_all_down));
  }
  mine.states.push_back(&state);
}

void forget_started(ManagerState& state) noexcept {
  Started& mine = started();
  const std::lock_guard guard(mine.lock);
  std::erase(mine.states, &state);
}

}  // namespace multiprocessing::manager
