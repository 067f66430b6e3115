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
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include <multiprocessing/detail/thread_engine.hpp>

#include "shm/name.hpp"

namespace multiprocessing::executor {

class ThreadEngine : public std::enable_shared_from_this<ThreadEngine> {
 public:
  explicit ThreadEngine(detail::ThreadEngineOptions options);
  ThreadEngine(const ThreadEngine&) = delete;
  ThreadEngine& operator=(const ThreadEngine&) = delete;
  ~ThreadEngine();

  void start();
  void post(std::shared_ptr<detail::LocalTask> task, int priority);
  void shut_down(bool wait, bool cancel);
  void ask_to_stop() noexcept { stopping_.store(true, std::memory_order_release); }
  [[nodiscard]] bool stopping() const noexcept { return stopping_.load(std::memory_order_acquire); }
  [[nodiscard]] int size() const noexcept { return options_.threads; }
  [[nodiscard]] int index_of_next() noexcept { return next_index_.fetch_add(1); }

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

  void add_thread_if_wanted();
  void add_thread();
  void run();
  bool initialize();
  Task take();
  Task look() noexcept;
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
  std::atomic<int> threads_made_{0};
  std::atomic<int> next_index_{0};

  std::mutex join_turn_;  // held by who joins
  std::mutex joining_;    // guards this
  std::vector<std::thread> threads_;
};

}  // namespace multiprocessing::executor
