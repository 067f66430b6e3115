#include <multiprocessing/detail/thread_condition.hpp>

#include <chrono>
#include <string>

#include <multiprocessing/errors.hpp>

#include "threading/local_barrier.hpp"

namespace multiprocessing::threads {
namespace {

using State = LocalBarrier::State;

// relaxed: I1
State state_of(const LocalBarrier& barrier) noexcept {
  return barrier.state.load(std::memory_order_relaxed);
}

void turn(LocalBarrier& barrier, State state) noexcept {
  barrier.state.store(state, std::memory_order_relaxed);
  notify(barrier.changed, kAllWaiters);
}

bool is_down(State state) noexcept {
  return state == State::resetting || state == State::broken;
}

/// The barrier, locked.
class Locked {
 public:
  explicit Locked(LocalBarrier& barrier) : barrier_(barrier) {
    (void)acquire(barrier.lock, Timeout());
    if (!is_new_here(barrier.changed)) return;  // I3
    barrier.count.store(0, std::memory_order_relaxed);
    if (state_of(barrier) != State::broken) {
      barrier.state.store(State::filling, std::memory_order_relaxed);
    }
  }
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;
  ~Locked() { (void)release(barrier_.lock); }

 private:
  LocalBarrier& barrier_;
};

/// One party inside. The last one to leave ends the phase (I2).
class Party {
 public:
  explicit Party(LocalBarrier& barrier) noexcept
      : barrier_(barrier), index_(barrier.count.fetch_add(1, std::memory_order_relaxed)) {}
  Party(const Party&) = delete;
  Party& operator=(const Party&) = delete;
  ~Party() {
    if (barrier_.count.fetch_sub(1, std::memory_order_relaxed) != 1) return;
    const State state = state_of(barrier_);
    if (state == State::draining || state == State::resetting) turn(barrier_, State::filling);
  }
  [[nodiscard]] int index() const noexcept { return index_; }

 private:
  LocalBarrier& barrier_;
  int index_;
};

void let_go(LocalBarrier& barrier) {
  try {
    if (barrier.action) barrier.action();
  } catch (...) {
    turn(barrier, State::broken);
    throw;
  }
  turn(barrier, State::draining);
}

void await_the_others(LocalBarrier& barrier, Timeout until) {
  bool in_time = true;
  try {
    while (in_time && state_of(barrier) == State::filling) {
      in_time = wait(barrier.changed, barrier.lock, until);
    }
  } catch (...) {
    turn(barrier, State::broken);  // this party will not go on
    throw;
  }
  if (state_of(barrier) == State::filling) turn(barrier, State::broken);
  if (is_down(state_of(barrier))) throw BrokenBarrierError();
}

int pass(LocalBarrier& barrier, Timeout timeout) {
  using Clock = std::chrono::steady_clock;
  const Timeout until =
      timeout.is_forever()
          ? timeout
          : Timeout(Clock::time_point(std::chrono::nanoseconds(timeout.deadline())));
  const Locked locked(barrier);
  while (state_of(barrier) == State::draining || state_of(barrier) == State::resetting) {
    (void)wait(barrier.changed, barrier.lock, Timeout());  // I2
  }
  if (state_of(barrier) == State::broken) throw BrokenBarrierError();
  const Party me(barrier);
  if (me.index() + 1 == barrier.parties) {
    let_go(barrier);
  } else {
    await_the_others(barrier, until);
  }
  return me.index();
}

void start_anew(LocalBarrier& barrier) {
  const Locked locked(barrier);
  if (barrier.count.load(std::memory_order_relaxed) == 0) {
    turn(barrier, State::filling);
  } else if (state_of(barrier) != State::draining) {
    turn(barrier, State::resetting);  // those inside leave first
  }
}

}  // namespace
}  // namespace multiprocessing::threads

namespace multiprocessing::threading {

Barrier::Barrier(int parties, std::function<void()> action, Timeout timeout) {
  if (parties < 1) {
    throw ValueError("a barrier has at least one party, but was to have " +
                     std::to_string(parties));
  }
  barrier_ = threads::make_local<threads::LocalBarrier>(parties, std::move(action), timeout);
}

int Barrier::wait(Timeout timeout) const {
  return threads::pass(*barrier_, timeout.is_forever() ? barrier_->timeout : timeout);
}

void Barrier::reset() const {
  threads::start_anew(*barrier_);
}

void Barrier::abort() const {
  const threads::Locked locked(*barrier_);
  threads::turn(*barrier_, threads::State::broken);
}

int Barrier::parties() const {
  return barrier_->parties;
}

int Barrier::n_waiting() const {
  if (threads::state_of(*barrier_) != threads::State::filling) return 0;
  return barrier_->count.load(std::memory_order_relaxed);
}

bool Barrier::broken() const {
  return threads::state_of(*barrier_) == threads::State::broken;
}

}  // namespace multiprocessing::threading
