#include "executor/thread_engine.hpp"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include <multiprocessing/errors.hpp>

#include "shm/process_table.hpp"
#include "shm/watch.hpp"
#include "sys/clock.hpp"
#include "sys/futex.hpp"
#include "sys/signals.hpp"
#include "sys/thread.hpp"

namespace multiprocessing::executor {
namespace {

thread_local ThreadEngine* current_engine = nullptr;
thread_local int current_index = -1;

std::size_t level_of(int priority) noexcept {
  return static_cast<std::size_t>(2 - std::clamp(priority, -2, 2));
}

}  // namespace

void ThreadEngine::List::push(Task task) noexcept {
  detail::LocalTask* const added = task.get();
  (tail == nullptr ? head : tail->next) = std::move(task);
  tail = added;
}

ThreadEngine::Task ThreadEngine::List::pop() noexcept {
  Task first = std::move(head);
  if (first) head = std::move(first->next);
  if (!head) tail = nullptr;
  return first;
}

ThreadEngine::ThreadEngine(detail::ThreadEngineOptions options)
    : options_(std::move(options)), owner_(shm::self()), wanted_(options_.threads) {
  if (options_.threads < 1) {
    throw ValueError("the number of threads must be at least 1, not " +
                     std::to_string(options_.threads));
  }
  enter_engine(*this);
}

ThreadEngine::~ThreadEngine() {
  leave_engine(*this);
  for (std::vector<std::thread>* const threads : {&threads_, &left_}) {
    for (std::thread& thread : *threads) {
      if (thread.joinable()) thread.detach();  // the last task let go, or we are a forked copy
    }
  }
}

void ThreadEngine::start() {
  if (!options_.at_once) return;
  for (int i = 0; i < options_.threads; ++i) add_thread();
}

void ThreadEngine::post(Task task, int priority) {
  if (owner_ != shm::self()) {
    throw ValueError("an executor can only be used by the process that made it");
  }
  {
    const std::lock_guard guard(queue_);
    if (broken_) std::rethrow_exception(broken_);
    if (closed_)
      throw ValueError("cannot schedule new futures after shutdown: make another executor");
    lists_[level_of(priority)].push(std::move(task));
    waiting_.fetch_add(1, std::memory_order_seq_cst);  // [P]
  }
  if (searching_.load(std::memory_order_seq_cst) != 0) return;  // it wakes the next one
  if (idle_.load(std::memory_order_seq_cst) != 0) {             // [P]
    wake_one();
    return;
  }
  try {
    add_thread_if_wanted();
  } catch (const std::exception&) {
    if (threads_made_.load(std::memory_order_relaxed) == 0) throw;  // else others come to the task
  }
}

// Whoever posted more may have relied on the thread that has just taken a task: on its search, on
// its sleep, of which it had been woken already, or on its last look before that.
void ThreadEngine::hand_on() noexcept {
  if (waiting_.load(std::memory_order_seq_cst) == 0) return;
  if (idle_.load(std::memory_order_seq_cst) != 0) {
    wake_one();
    return;
  }
  try {
    add_thread_if_wanted();
  } catch (const std::exception&) {
    // No thread can be had: this one comes back for what waits.
  }
}

void ThreadEngine::wake_one() noexcept {
  signal_.fetch_add(1, std::memory_order_seq_cst);
  shm::wake(signal_, 1);
}

void ThreadEngine::add_thread_if_wanted() {
  // relaxed: a thread too few is made at the next task, none too many: add_thread decides
  if (threads_made_.load(std::memory_order_relaxed) < size()) add_thread();
}

void ThreadEngine::add_thread() {
  const std::lock_guard guard(joining_);
  if (threads_made_.load(std::memory_order_relaxed) >= size()) return;
  int free = 0;  // the first place that nobody has; there is one
  while (is_taken(free)) ++free;
  make_thread(free);
}

// Requires joining_.
bool ThreadEngine::is_taken(int index) const noexcept {
  const auto at = static_cast<std::size_t>(index);
  return at < places_.size() && places_[at].taken;
}

// Requires joining_.
void ThreadEngine::make_thread(int index) {
  const auto at = static_cast<std::size_t>(index);
  while (places_.size() <= at) places_.emplace_back();
  Place& place = places_[at];
  const sys::BlockedSignals none;  // signals are the business of the threads that the user made
  threads_.emplace_back([self = shared_from_this(), &place, index] { self->run(place, index); });
  place.taken = true;
  threads_made_.fetch_add(1, std::memory_order_relaxed);
}

void ThreadEngine::run(Place& place, int index) {
  current_engine = this;
  current_index = index;
  sys::name_this_thread(options_.prefix + "_" + std::to_string(index));
  // relaxed, here and below: numbers that change as somebody looks
  const sys::Nanoseconds now = sys::now();
  place.since.store(now, std::memory_order_relaxed);
  place.idle.store(0, std::memory_order_relaxed);
  place.idle_since.store(now, std::memory_order_relaxed);
  place.thread.store(sys::current_thread_id(), std::memory_order_relaxed);
  if (!initialize()) return;
  while (const Task task = take(place, index)) {
    run_task(place, *task);
    let_end(place, *task);
  }
  finish();
}

// Counts where somebody can ask, in pools. All is counted before the task has ended: who sees its
// result sees it counted.
void ThreadEngine::run_task(Place& place, detail::LocalTask& task) noexcept {
  if (!options_.at_once) return task.run();
  const sys::Nanoseconds idle_since = place.idle_since.exchange(0, std::memory_order_relaxed);
  place.idle.fetch_add(sys::now() - idle_since, std::memory_order_relaxed);
  place.tasks.fetch_add(1, std::memory_order_relaxed);
  task.run();
  place.idle_since.store(sys::now(), std::memory_order_relaxed);
}

void ThreadEngine::finish() noexcept {
  if (!options_.finalizer) return;
  try {
    options_.finalizer();
  } catch (...) {
    detail::report_ignored("the thread pool's finalizer", std::current_exception());
  }
}

// True: there are enough without this thread, whose place is free from now on. What it may have
// been woken for is others' to do.
bool ThreadEngine::leave(Place& place, int index) {
  if (index < wanted_.load(std::memory_order_seq_cst)) return false;
  {
    const std::lock_guard guard(joining_);
    if (index < size()) return false;
    const auto own = std::ranges::find(threads_, std::this_thread::get_id(), &std::thread::get_id);
    if (own != threads_.end()) {  // else somebody joins it
      left_.push_back(std::move(*own));
      threads_.erase(own);
    }
    place.taken = false;
    place.thread.store(0, std::memory_order_relaxed);
    ++place.restarts;
    threads_made_.fetch_sub(1, std::memory_order_relaxed);
  }
  hand_on();
  return true;
}

bool ThreadEngine::initialize() {
  if (!options_.initializer) return true;
  try {
    options_.initializer();
    return true;
  } catch (...) {
    fail_all(std::make_exception_ptr(BrokenThreadPool(
        "the thread pool's initializer has failed: " + describe(std::current_exception()) +
        " (mend it, and make another executor)")));
    return false;
  }
}

void ThreadEngine::fail_all(const std::exception_ptr& error) noexcept {
  std::array<List, kLevels> lists;
  {
    const std::lock_guard guard(queue_);
    if (!broken_) broken_ = error;
    std::swap(lists, lists_);
    waiting_.store(0, std::memory_order_seq_cst);
  }
  for (List& list : lists) {
    while (const Task task = list.pop()) task->fail(error);
  }
}

void ThreadEngine::drop_all() noexcept {
  std::array<List, kLevels> lists;
  {
    const std::lock_guard guard(queue_);
    std::swap(lists, lists_);
    waiting_.store(0, std::memory_order_seq_cst);
  }
  for (List& list : lists) {
    while (const Task task = list.pop()) task->drop();
  }
}

ThreadEngine::Task ThreadEngine::look(Place& place) noexcept {
  if (waiting_.load(std::memory_order_seq_cst) == 0) return nullptr;  // [P]
  const std::lock_guard guard(queue_);
  for (List& list : lists_) {
    if (Task task = list.pop()) {
      waiting_.fetch_sub(1, std::memory_order_seq_cst);
      place.running.store(reinterpret_cast<std::uintptr_t>(task.get()), std::memory_order_release);
      return task;
    }
  }
  return nullptr;
}

// The next task; nullptr: none for this thread. Who wakes a sleeper: who posts, resizes or shuts
// down.
ThreadEngine::Task ThreadEngine::take(Place& place, int index) {
  for (;;) {
    if (leave(place, index)) return nullptr;
    if (Task task = look(place)) {
      hand_on();
      return task;
    }
    searching_.fetch_add(1, std::memory_order_seq_cst);
    Task found;
    for (shm::Spinner spinner; !found && spinner.again();) found = look(place);
    searching_.fetch_sub(1, std::memory_order_seq_cst);
    if (found) {
      hand_on();
      return found;
    }
    idle_.fetch_add(1, std::memory_order_seq_cst);  // [P]
    const std::uint32_t signal = signal_.load(std::memory_order_seq_cst);
    // Before the look: what was posted before the end is found by it.
    const bool ending = ending_.load(std::memory_order_seq_cst);
    found = look(place);
    const bool ended = !found && ending;
    const bool wanted = index < wanted_.load(std::memory_order_seq_cst);
    if (!found && !ended && wanted) (void)sys::futex_wait(signal_, signal);
    idle_.fetch_sub(1, std::memory_order_seq_cst);
    if (found) {
      hand_on();
      return found;
    }
    if (ended) return nullptr;
  }
}

void ThreadEngine::shut_down(bool wait, bool cancel) {
  if (owner_ != shm::self()) return;
  {
    const std::lock_guard guard(queue_);
    closed_ = true;
  }
  if (cancel) drop_all();
  ending_.store(true, std::memory_order_seq_cst);
  signal_.fetch_add(1, std::memory_order_seq_cst);
  shm::wake(signal_, INT32_MAX);
  if (wait) join_all();
}

// Without the lock while it waits: a thread that ends its work may have to add another one.
void ThreadEngine::join_all() {
  std::unique_lock turn(join_turn_, std::defer_lock);
  if (current_engine != this) turn.lock();  // who comes second waits for the same threads
  std::vector<std::thread> own;
  for (;;) {
    std::vector<std::thread> threads;
    {
      const std::lock_guard guard(joining_);
      threads.swap(threads_);
      std::ranges::move(left_, std::back_inserter(threads));
      left_.clear();
    }
    if (threads.empty()) break;
    for (std::thread& thread : threads) {
      if (!thread.joinable()) continue;
      if (thread.get_id() == std::this_thread::get_id()) {
        own.push_back(std::move(thread));
      } else {
        thread.join();
      }
    }
  }
  const std::lock_guard guard(joining_);
  for (std::thread& thread : own) threads_.push_back(std::move(thread));
}

}  // namespace multiprocessing::executor

namespace multiprocessing::detail {

Threads make_threads(ThreadEngineOptions options) {
  auto threads = std::make_shared<executor::ThreadEngine>(std::move(options));
  try {
    threads->start();
  } catch (...) {  // those that were made would wait for ever
    threads->shut_down(true, true);
    throw;
  }
  return threads;
}
void post_task(executor::ThreadEngine& threads, std::shared_ptr<LocalTask> task, int priority) {
  threads.post(std::move(task), priority);
}
void shut_down(executor::ThreadEngine& threads, bool wait, bool cancel) {
  threads.shut_down(wait, cancel);
}
std::size_t thread_count(const executor::ThreadEngine& threads) noexcept {
  return static_cast<std::size_t>(threads.size());
}
void resize_threads(executor::ThreadEngine& threads, int count) {
  threads.resize(count);
}
std::vector<WorkerStats> thread_stats(executor::ThreadEngine& threads) {
  return threads.stats();
}
void ask_to_stop(executor::ThreadEngine& threads) noexcept {
  threads.ask_to_stop();
}
bool current_threads_stop() noexcept {
  return executor::current_engine != nullptr && executor::current_engine->stopping();
}
int current_thread_index() noexcept {
  return executor::current_index;
}
int current_thread_count() noexcept {
  return executor::current_engine == nullptr ? -1 : executor::current_engine->size();
}

}  // namespace multiprocessing::detail
