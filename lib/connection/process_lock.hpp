#pragma once

// A lock between the threads of one process that ends with a deadline and is free again in every
// forked child.
//
// Layout: bits 0..1 free=0 held=1 held with waiters=2; bits 2..31 the process's pid (below 2^22)
//
//          lock                      lock of another
//   free --------> held(pid) -----------------------> waited(pid)
//    ^                |                                   |
//    +--- unlock -----+-------- unlock, wakes one --------+
//
// Invariants
//   I1  A word with another pid was written by an ancestor: here the lock is free, and what it
//       guards is as some moment of the ancestor left it.
//
// Ordering. Each pair is named where it is used.
//   [U] unlock (release) -> lock (acquire)   the next holder sees what the last one did
//
// Death: the lock dies with its process.

#include <atomic>
#include <cstdint>
#include <new>

#include "sys/clock.hpp"

namespace multiprocessing::connection {

class ProcessLock {
 public:
  enum class Taken : std::uint8_t {
    yes,
    from_an_ancestor,  ///< which held it when it forked this process
    timed_out
  };

  /// Waits for whoever holds it in this process, until the absolute `deadline`.
  /// \throws KeyboardInterrupt, and the lock was not taken then.
  Taken lock(sys::Nanoseconds deadline = sys::kForever) { return lock(deadline, true); }
  /// For what is held for moments only: signals wait.
  Taken lock(std::nothrow_t) noexcept { return lock(sys::kForever, false); }
  void unlock() noexcept;

 private:
  Taken lock(sys::Nanoseconds deadline, bool interruptible);

  std::atomic<std::uint32_t> word_{0};
};

/// Holds the lock for a scope, if it could be taken.
class Locked {
 public:
  explicit Locked(ProcessLock& lock, sys::Nanoseconds deadline = sys::kForever)
      : lock_(lock), taken_(lock.lock(deadline)) {}
  Locked(ProcessLock& lock, std::nothrow_t now) noexcept : lock_(lock), taken_(lock.lock(now)) {}
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;
  ~Locked() {
    if (*this) lock_.unlock();
  }

  explicit operator bool() const noexcept { return taken_ != ProcessLock::Taken::timed_out; }
  [[nodiscard]] ProcessLock::Taken taken() const noexcept { return taken_; }

 private:
  ProcessLock& lock_;
  ProcessLock::Taken taken_;
};

}  // namespace multiprocessing::connection
