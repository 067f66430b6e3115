#include "threading/local_condition.hpp"

#include <exception>

#include "shm/watch.hpp"

namespace multiprocessing::threads {
namespace {

void append(LocalCondition& condition, Waiter& waiter) noexcept {
  (void)is_new_here(condition);
  waiter.before = condition.last;
  (condition.last != nullptr ? condition.last->after : condition.first) = &waiter;
  condition.last = &waiter;
}

void remove(LocalCondition& condition, Waiter& waiter) noexcept {
  (waiter.before != nullptr ? waiter.before->after : condition.first) = waiter.after;
  (waiter.after != nullptr ? waiter.after->before : condition.last) = waiter.before;
}

bool is_notified(const Waiter& waiter) noexcept {
  return waiter.notified.load(std::memory_order_acquire) != 0;  // [N]
}

/// Who wakes it: notify, in this process.
void sleep(const Waiter& waiter, sys::Nanoseconds deadline) {
  for (shm::Spinner spinner; spinner.again();) {
    if (is_notified(waiter)) return;
  }
  shm::Sleeper sleeper(waiter.notified);
  while (!is_notified(waiter) && sleeper.sleep(0, deadline)) {
  }
}

/// The lock as it was, whatever happens meanwhile: the first exception is kept for later.
void take_back(LocalLock& lock, std::uint64_t inner, std::exception_ptr& error) noexcept {
  for (;;) {
    try {
      return reacquire(lock, inner);
    } catch (...) {
      if (!error) error = std::current_exception();
    }
  }
}

}  // namespace

bool is_new_here(LocalCondition& condition) noexcept {
  if (condition.epoch == fork_epoch()) return false;
  condition.epoch = fork_epoch();
  condition.first = condition.last = nullptr;  // I2
  return true;
}

bool wait(LocalCondition& condition, LocalLock& lock, Timeout timeout) {
  const sys::Nanoseconds deadline = timeout.deadline();
  Waiter me;
  append(condition, me);
  const std::uint64_t inner = release_all(lock);
  std::exception_ptr error;
  try {
    sleep(me, deadline);
  } catch (...) {
    error = std::current_exception();
  }
  take_back(lock, inner, error);
  const bool notified = is_notified(me);
  if (!notified) remove(condition, me);
  if (!error) return notified;
  if (notified) notify(condition, 1);  // not used here
  std::rethrow_exception(error);
}

void notify(LocalCondition& condition, std::uint64_t count) noexcept {
  if (is_new_here(condition)) return;
  for (; count > 0 && condition.first != nullptr; --count) {
    Waiter& waiter = *condition.first;
    remove(condition, waiter);
    waiter.notified.store(1, std::memory_order_release);  // [N]
    shm::wake(waiter.notified, 1);                        // I1: it is still there
  }
}

}  // namespace multiprocessing::threads
