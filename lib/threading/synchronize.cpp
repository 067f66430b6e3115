#include <string>

#include <multiprocessing/detail/thread_condition.hpp>
#include <multiprocessing/detail/thread_lock.hpp>
#include <multiprocessing/errors.hpp>

#include "threading/local_condition.hpp"
#include "threading/local_lock.hpp"
#include "threading/local_sync.hpp"

namespace multiprocessing::threading {

AnyLock::AnyLock(bool recursive)
    : lock_(threads::make_local<threads::LocalLock>(recursive, Recovery::raise)) {}

bool AnyLock::acquire(Timeout timeout) const {
  return threads::acquire(*lock_, timeout);
}

void AnyLock::release() const {
  if (threads::release(*lock_)) return;
  throw ValueError(lock_->recursive
                       ? "cannot release un-acquired lock: the thread that acquired it releases it"
                       : "release unlocked lock: acquire() comes first");
}

bool AnyLock::locked() const {
  // relaxed: true by now, or not any more
  return lock_->state.word.load(std::memory_order_relaxed) != sync::kFree;
}

void AnyLock::unlock() const noexcept {
  (void)threads::release(*lock_);
}

Semaphore::Semaphore(int value) : Semaphore(value, sync::kMaxPermits) {}

Semaphore::Semaphore(int value, int limit) {
  if (value < 0) {
    throw ValueError("a semaphore's value must not be negative, but is " + std::to_string(value));
  }
  semaphore_ = threads::make_local<threads::LocalSemaphore>(
      static_cast<sync::SemaphoreWord>(value), static_cast<sync::SemaphoreWord>(limit));
}

bool Semaphore::acquire(Timeout timeout) const {
  return sync::acquire(semaphore_->state, timeout);
}

void Semaphore::release(int n) const {
  if (n < 1) throw ValueError("n must be one or more, but is " + std::to_string(n));
  if (!sync::release(semaphore_->state, static_cast<sync::SemaphoreWord>(n))) {
    throw ValueError(
        "Semaphore released too many times: it has as many permits as it was made with; acquire() "
        "comes first");
  }
}

void Semaphore::unlock() const noexcept {
  (void)sync::release(semaphore_->state);
}

int Semaphore::get_value() const {
  // relaxed: true by now, or not any more
  return static_cast<int>(sync::permits_in(semaphore_->state.word.load(std::memory_order_relaxed)));
}

Event::Event() : event_(threads::make_local<threads::LocalEvent>()) {}

bool Event::is_set() const {
  return sync::is_set(sync::seen(event_->state.word));
}

void Event::set() const {
  sync::set(event_->state);
}

void Event::clear() const {
  sync::clear(event_->state);
}

bool Event::wait(Timeout timeout) const {
  return sync::wait(event_->state, timeout);
}

Condition::Condition(const AnyLock& lock)
    : lock_(lock), condition_(threads::make_local<threads::LocalCondition>()) {}

bool Condition::wait(Timeout timeout) const {
  if (!threads::is_held(*lock_.lock_)) {
    throw ValueError("cannot wait on un-acquired lock: acquire the condition first");
  }
  return threads::wait(*condition_, *lock_.lock_, timeout);
}

void Condition::notify(int n) const {
  if (!threads::is_held(*lock_.lock_)) {
    throw ValueError("cannot notify on un-acquired lock: acquire the condition first");
  }
  if (n > 0) threads::notify(*condition_, static_cast<std::uint64_t>(n));
}

void Condition::notify_all() const {
  if (!threads::is_held(*lock_.lock_)) {
    throw ValueError("cannot notify on un-acquired lock: acquire the condition first");
  }
  threads::notify(*condition_, threads::kAllWaiters);
}

}  // namespace multiprocessing::threading
