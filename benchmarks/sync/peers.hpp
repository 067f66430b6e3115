#pragma once

// What a Lock is measured against, in memory shared with every child forked later.

#include <linux/futex.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>

#include <support/forked.hpp>

namespace peers {

using benchmark_support::shared;

/// pthread_mutex_t, process-shared and robust: it survives its holder, as a Lock does.
class RobustMutex {
 public:
  RobustMutex() {
    pthread_mutexattr_t attributes;
    ::pthread_mutexattr_init(&attributes);
    ::pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    ::pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    ::pthread_mutex_init(mutex_, &attributes);
    ::pthread_mutexattr_destroy(&attributes);
  }
  void acquire() const { ::pthread_mutex_lock(mutex_); }
  void release() const { ::pthread_mutex_unlock(mutex_); }

 private:
  pthread_mutex_t* mutex_ = shared<pthread_mutex_t>();
};

/// The least that excludes (0 free, 1 held, 2 held and somebody may sleep): it survives nobody.
class FutexLock {
 public:
  void acquire() const {
    std::uint32_t seen = 0;
    if (word_->compare_exchange_strong(seen, 1, std::memory_order_acquire)) return;
    if (seen != 2) seen = word_->exchange(2, std::memory_order_acquire);
    while (seen != 0) {
      ::syscall(SYS_futex, word_, FUTEX_WAIT, 2, nullptr, nullptr, 0);
      seen = word_->exchange(2, std::memory_order_acquire);
    }
  }
  void release() const {
    if (word_->exchange(0, std::memory_order_release) == 2) {
      ::syscall(SYS_futex, word_, FUTEX_WAKE, 1, nullptr, nullptr, 0);
    }
  }

 private:
  std::atomic<std::uint32_t>* word_ = shared<std::atomic<std::uint32_t>>();
};

}  // namespace peers
