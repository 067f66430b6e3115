#pragma once

// An object that a process makes at its first use and never destroys, for whoever uses it until the
// end. A forked child makes its own, whatever other threads were doing with its parent's.
//
//   sharing   private to a process
//   threads   every function may be called concurrently
//   death     with its process

#include <atomic>

#include "shm/process_table.hpp"

namespace multiprocessing::shm {

template <class T>
class PerProcess {
 public:
  static T& get() {
    (void)hooked;
    if (T* const made = find()) return *made;
    auto* const fresh = new T;
    T* made = nullptr;
    if (object.compare_exchange_strong(made, fresh, std::memory_order_acq_rel)) return *fresh;
    delete fresh;
    return *made;
  }
  /// nullptr: it has not been made.
  static T* find() noexcept { return object.load(std::memory_order_acquire); }

 private:
  static void forget() noexcept {
    object.store(nullptr, std::memory_order_relaxed);  // relaxed: a new process has one thread
  }

  static inline constinit std::atomic<T*> object{nullptr};
  static inline const bool hooked = (register_fork_hook(forget), true);  // at load
};

}  // namespace multiprocessing::shm
