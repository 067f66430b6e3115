// How many threads a ThreadPool has, and what they have been doing.

#include <algorithm>
#include <chrono>
#include <string>

#include <multiprocessing/errors.hpp>

#include "executor/thread_engine.hpp"
#include "shm/process_table.hpp"
#include "shm/watch.hpp"
#include "sys/clock.hpp"

namespace multiprocessing::executor {

void ThreadEngine::resize(int count) {
  if (owner_ != shm::self()) {
    throw ValueError("a pool can only be used by the process that made it");
  }
  if (count < 1) {
    throw ValueError("the number of threads must be at least 1, not " + std::to_string(count));
  }
  join_those_who_left();
  {
    const std::scoped_lock guard(queue_, joining_);
    if (closed_) throw ValueError("Pool not running");
    wanted_.store(count, std::memory_order_seq_cst);
    for (int i = 0; i < count; ++i) {
      if (is_taken(i)) continue;
      try {
        make_thread(i);
      } catch (...) {
        wanted_.store(std::max(i, 1), std::memory_order_seq_cst);
        throw;
      }
    }
  }
  signal_.fetch_add(1, std::memory_order_seq_cst);  // sleepers look whether they are too many
  shm::wake(signal_, INT32_MAX);
}

void ThreadEngine::join_those_who_left() {
  std::vector<std::thread> threads;
  {
    const std::lock_guard guard(joining_);
    threads.swap(left_);
  }
  for (std::thread& thread : threads) {
    if (thread.get_id() != std::this_thread::get_id()) {
      thread.join();
    } else {  // in its finalizer
      const std::lock_guard guard(joining_);
      left_.push_back(std::move(thread));
    }
  }
}

std::vector<WorkerStats> ThreadEngine::stats() {
  const std::lock_guard guard(joining_);
  std::vector<WorkerStats> all(static_cast<std::size_t>(size()));
  for (std::size_t i = 0; i < std::min(all.size(), places_.size()); ++i) {
    const Place& place = places_[i];
    WorkerStats& one = all[i];
    one.tasks = place.tasks.load(std::memory_order_relaxed);
    one.restarts = place.restarts;
    one.pid = place.thread.load(std::memory_order_relaxed);
    if (one.pid == 0) continue;
    const sys::Nanoseconds now = sys::now();
    const sys::Nanoseconds life = now - place.since.load(std::memory_order_relaxed);
    const sys::Nanoseconds idle_since = place.idle_since.load(std::memory_order_relaxed);
    sys::Nanoseconds idle = place.idle.load(std::memory_order_relaxed);
    if (idle_since != 0) idle += std::max<sys::Nanoseconds>(now - idle_since, 0);
    one.idle = std::chrono::nanoseconds(idle);
    one.busy = std::chrono::nanoseconds(std::max<sys::Nanoseconds>(life - idle, 0));
  }
  return all;
}

}  // namespace multiprocessing::executor
