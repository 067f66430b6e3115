#include "process/local.hpp"

#include <pthread.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <mutex>
#include <new>

#include "shm/process_table.hpp"

namespace multiprocessing::process {
namespace {

thread_local bool launching = false;

Local& instance() noexcept {
  // never destroyed: static destructors of users may still start and join processes
  alignas(Local) static std::array<std::byte, sizeof(Local)> room;
  static auto* const only = new (room.data()) Local;
  return *only;
}

void before_fork() noexcept {
  instance().lock.lock();
}
void after_fork_in_parent() noexcept {
  instance().lock.unlock();
}

// Runs in the child, in which the forking thread holds the lock and is the only one.
void after_fork_in_child() noexcept {
  Local& mine = instance();
  mine.life.write.reset();  // first thing: the parent's end must be the only one
  if (launching) {
    mine.life_of_parent = std::move(mine.life.read);
  } else {
    mine.life.read.reset();
  }
  mine.binding.reset();
  mine.children.clear();  // closes their pidfds, but for those that a Process object still holds
  mine.lock.unlock();
}

// At load, so that no thread can be in the middle of it when another forks; after those of lib/shm
// (102) and before those of upper floors, so that locks are taken from the top down.
__attribute__((constructor(103))) void handle_forks() {
  (void)instance();
  (void)pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

constinit std::atomic<bool> titled{false};  // this process, or one that it was forked from

}  // namespace

Local& local() {
  Local& mine = instance();
  if (!titled.load(std::memory_order_acquire)) {
    const std::lock_guard guard(mine.lock);
    if (shm::own_slot().title[0] == '\0') shm::set_title("MainProcess");
    titled.store(true, std::memory_order_release);
  }
  return mine;
}

Launching::Launching() noexcept {
  launching = true;
}
Launching::~Launching() {
  launching = false;
}

std::string next_path() {
  Local& mine = local();
  // relaxed: a number of its own is all that is wanted
  const int number = mine.made.fetch_add(1, std::memory_order_relaxed) + 1;
  return (mine.path.empty() ? "" : mine.path + ":") + std::to_string(number);
}

}  // namespace multiprocessing::process
