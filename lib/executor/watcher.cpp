#include "executor/watcher.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include <multiprocessing/detail/bell.hpp>

#include "shm/per_process.hpp"
#include "sys/clock.hpp"
#include "sys/signals.hpp"

namespace multiprocessing::executor {
namespace {

using Future = std::shared_ptr<detail::FutureBase>;

constexpr sys::Nanoseconds kTendEvery = 100'000'000;

class Watcher {
 public:
  void add(Future future) {
    {
      const std::lock_guard guard(lock_);
      added_.push_back(std::move(future));
      try {
        begin();
      } catch (...) {
        added_.pop_back();
        throw;
      }
      ++changes_;
    }
    detail::ring_bell();
  }

  void flush() noexcept {
    std::unique_lock guard(lock_);
    if (!begun_ || std::this_thread::get_id() == thread_) return;
    const std::uint64_t wanted = ++changes_;
    guard.unlock();
    detail::ring_bell();
    guard.lock();
    turned_.wait(guard, [&] { return done_with_ >= wanted; });
  }

 private:
  // Requires lock_. \throws std::system_error: there can be no thread
  void begin() {
    if (begun_) return;
    // Signals are the other threads' business: a handler may interrupt what they wait in.
    const sys::BlockedSignals none;
    std::thread([this] { run(); }).detach();
    begun_ = true;
  }

  void run() {
    {
      const std::lock_guard guard(lock_);
      thread_ = std::this_thread::get_id();
    }
    std::vector<Future> watched;
    for (;;) {
      take_in(watched);
      call_back(watched);
      finish_round();
      Look look{*this, watched};
      try {
        (void)detail::wait_for_bell([](void* at) { return static_cast<Look*>(at)->changed(); },
                                    &look, INT64_MAX, &look.silent);
      } catch (...) {  // no memory for a bell, a pool of our parent's: look again
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    }
  }

  void take_in(std::vector<Future>& watched) {
    const std::lock_guard guard(lock_);
    seen_ = changes_;
    for (Future& future : added_) watched.push_back(std::move(future));
    added_.clear();
  }

  static void call_back(std::vector<Future>& watched) {
    std::vector<Future> left;
    for (Future& future : watched) {
      if (future->done()) {
        future->run_callbacks();
        future.reset();
      } else {
        left.push_back(std::move(future));
      }
    }
    watched = std::move(left);
  }

  void finish_round() {
    const std::lock_guard guard(lock_);
    done_with_ = seen_;
    turned_.notify_all();
  }

  struct Look {
    Watcher& self;
    std::vector<Future>& watched;
    sys::Nanoseconds tended = 0;
    bool silent = false;  // nobody rings for one of them

    bool changed() {
      {
        const std::lock_guard guard(self.lock_);
        if (self.changes_ != self.seen_) return true;
      }
      const sys::Nanoseconds now = sys::now();
      const bool tend = now - tended > kTendEvery;
      if (tend) {
        tended = now;
        silent = false;
      }
      for (const Future& future : watched) {
        if (future->done()) return true;
        if (!tend) continue;
        future->tend();
        silent = silent || future->is_silent();
      }
      return false;
    }
  };

  std::mutex lock_;  // guards what follows
  std::condition_variable turned_;
  std::vector<Future> added_;
  std::uint64_t changes_ = 0;
  std::uint64_t seen_ = 0;       // changes_ when the present round began
  std::uint64_t done_with_ = 0;  // and when the last one that has ended did
  bool begun_ = false;
  std::thread::id thread_;
};

// Callbacks may come until the process has ended.
using TheWatcher = shm::PerProcess<Watcher>;

}  // namespace

void watch(std::shared_ptr<detail::FutureBase> future) {
  TheWatcher::get().add(std::move(future));
}

void flush() noexcept {
  if (Watcher* const found = TheWatcher::find()) found->flush();
}

}  // namespace multiprocessing::executor
