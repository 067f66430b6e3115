#pragma once

// Several threads that do the same, as lock_tests.Bunch.

#include <atomic>
#include <thread>
#include <vector>

namespace multiprocessing::test {

class Bunch {
 public:
  template <class F>
  Bunch(int n, F f) {
    for (int i = 0; i < n; ++i) {
      threads_.emplace_back([this, f, i] {
        ++started_;
        f(i);
        ++finished_;
      });
    }
  }
  Bunch(const Bunch&) = delete;
  Bunch& operator=(const Bunch&) = delete;
  ~Bunch() { join(); }

  void join() {
    for (std::thread& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }
  [[nodiscard]] int started() const { return started_; }
  [[nodiscard]] int finished() const { return finished_; }

 private:
  std::atomic<int> started_{0};
  std::atomic<int> finished_{0};
  std::vector<std::thread> threads_;
};

/// Yields until `done` holds. The time-out of the test is its watchdog.
template <class F>
void await(F done) {
  while (!done()) std::this_thread::yield();
}

}  // namespace multiprocessing::test
