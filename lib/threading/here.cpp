#include "threading/here.hpp"

#include <atomic>

#include "shm/process_table.hpp"

namespace multiprocessing::threads {
namespace {

// relaxed, all of them: each is a number that means something by itself, and what a fork hook
// writes, it writes while there is only one thread
std::atomic<std::uint64_t> last_token{0};
std::atomic<std::uint64_t> forker{0};
std::atomic<std::uint32_t> epoch{1};
std::atomic<bool> abandoned{false};
constinit thread_local std::uint64_t mine = 0;

// Runs in the child, in the thread that forked.
void after_fork() noexcept {
  forker.store(mine, std::memory_order_relaxed);
  epoch.fetch_add(1, std::memory_order_relaxed);
}

const bool hooked = (shm::register_fork_hook(after_fork), true);

}  // namespace

std::uint64_t thread_token() noexcept {
  if (mine == 0) mine = last_token.fetch_add(1, std::memory_order_relaxed) + 1;
  return mine;
}

std::uint64_t forker_token() noexcept {
  return forker.load(std::memory_order_relaxed);
}

std::uint32_t fork_epoch() noexcept {
  return epoch.load(std::memory_order_relaxed);
}

sync::Caller here() {
  sync::Caller caller = sync::caller();
  caller.thread = thread_token();
  return caller;
}

void abandon_objects() noexcept {
  abandoned.store(true, std::memory_order_relaxed);
}

bool objects_are_abandoned() noexcept {
  return abandoned.load(std::memory_order_relaxed);
}

}  // namespace multiprocessing::threads
