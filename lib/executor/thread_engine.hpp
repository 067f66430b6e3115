#pragma once

// Threads that take tasks from one queue.
//
//   sharing   private to a process
//   threads   every member may be called concurrently
//   ordering  [P] push: queue lock, then a look at `idle_` <-> sleep: `idle_`, then a look at
//             `waiting_` (seq_cst on both sides: either the sleeper sees the task or the pusher the
//             sleeper)
//   death     with the process

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include <multiprocessing/detail/thread_engine.hpp>

#include "shm/name.hpp"

namespace multiprocessing::executor {

class ThreadEngine;

/// Those of this process (bequest.cpp), whose futures a child may have that is about to be forked.
void enter_engine(ThreadEngine& engine);
void leave_engine(ThreadEngine& engine) noexcept;

class ThreadEngine : public std::enable_shared_from_this<ThreadEngine> {
 public:
  explicit ThreadEngine(detail::ThreadEngineOptions options);
  ThreadEngine(const ThreadEngine&) = delete;
  ThreadEngine& operator=(const ThreadEngine&) = delete;
  ~ThreadEngine();

  void start();
  void post(std::shared_ptr<detail::LocalTask> task, int priority);
  void shut_down(bool wait, bool cancel);
  /// Gives the futures of what has not ended names by which a child finds them that this thread is
  /// about to fork.
  void bequeath() noexcept;
  void ask_to_stop() noexcept { stopping_.store(true, std::memory_order_release); }
  [[nodiscard]] bool stopping() const noexcept { return stopping_.load(std::memory_order_acquire); }
  // relaxed: a guess for who asks
  [[nodiscard]] int size() const noexcept { return wanted_.load(std::memory_order_relaxed); }
  void resize(int count);
  [[nodiscard]] std::vector<WorkerStats> stats();

 private:
  using Task = std::shared_ptr<detail::LocalTask>;
  // A list through LocalTask::next, so that a push allocates nothing.
  struct List {
    Task head;
    detail::LocalTask* tail = nullptr;
    void push(Task task) noexcept;
    Task pop() noexcept;
  };
  static constexpr std::size_t kLevels = 5;
  // What a thread is at, by its number. `taken` and `restarts` are guarded by joining_.
  struct Place {
    bool taken = false;
    std::uint64_t restarts = 0;
    std::atomic<int> thread{0};  // its native_id; 0: it has not begun, or has left
    std::atomic<std::int64_t> since{0};
    std::atomic<std::uint64_t> tasks{0};
    std::atomic<std::int64_t> idle{0};        // nanoseconds, up to the last task
    std::atomic<std::int64_t> idle_since{0};  // 0: in a task
    // The task it is in, set under queue_; with kLookedAt it may not end yet.
    std::atomic<std::uintptr_t> running{0};
  };
  static constexpr std::uintptr_t kLookedAt = 1;

  void add_thread_if_wanted();
  void add_thread();
  [[nodiscard]] bool is_taken(int index) const noexcept;
  void make_thread(int index);
  void run(Place& place, int index);
  void run_task(Place& place, detail::LocalTask& task) noexcept;
  bool initialize();
  void finish() noexcept;
  bool leave(Place& place, int index);
  void join_those_who_left();
  Task take(Place& place, int index);
  Task look(Place& place) noexcept;
  static void let_end(Place& place, const detail::LocalTask& task) noexcept;
  void hand_on() noexcept;
  void wake_one() noexcept;
  void fail_all(const std::exception_ptr& error) noexcept;
  void drop_all() noexcept;
  void join_all();

  const detail::ThreadEngineOptions options_;
  const shm::Name owner_;

  std::mutex queue_;  // guards this
  std::array<List, kLevels> lists_;
  bool closed_ = false;
  std::exception_ptr broken_;

  std::atomic<std::uint64_t> waiting_{0};  // tasks in the lists
  std::atomic<std::uint32_t> searching_{0};
  std::atomic<std::uint32_t> idle_{0};    // threads that sleep or are about to
  std::atomic<std::uint32_t> signal_{0};  // what they sleep on
  std::atomic<bool> ending_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<int> wanted_;  // threads at the most
  std::atomic<int> threads_made_{0};

  std::mutex join_turn_;  // held by who joins
  std::mutex joining_;    // guards this
  std::vector<std::thread> threads_;
  std::vector<std::thread> left_;  // those that were too many
  std::deque<Place> places_;
};

}  // namespace multiprocessing::executor
