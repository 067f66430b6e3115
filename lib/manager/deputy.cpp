#include "manager/deputy.hpp"

#include <string>

#include <multiprocessing/errors.hpp>

#include "shm/watch.hpp"

namespace multiprocessing::manager {

Deputy::Turn::Turn(Deputy& deputy, std::uint64_t thread) : deputy_(deputy) {
  const sync::Caller& caller = deputy_.enter(thread);
  try {
    acting_.emplace(caller);
  } catch (...) {
    deputy_.leave();
    throw;
  }
}

Deputy::Turn::~Turn() {
  acting_.reset();
  deputy_.leave();
}

// The reference stays valid: nothing is taken out of the map, and its nodes do not move.
const sync::Caller& Deputy::enter(std::uint64_t thread) {
  const std::lock_guard guard(lock_);
  if (over_) throw EOFError("the client has gone");
  if (!stand_in_) stand_in_.emplace("client with pid " + std::to_string(client_) + " of a manager");
  const auto found = threads_.find(thread);
  const sync::Caller& caller =
      found != threads_.end()
          ? found->second
          : threads_.emplace(thread, sync::new_caller(stand_in_->name(), client_)).first->second;
  ++turns_;
  return caller;
}

void Deputy::leave() noexcept {
  const std::lock_guard guard(lock_);
  if (--turns_ == 0 && over_) stand_in_.reset();
}

void Deputy::end() noexcept {
  {
    const std::lock_guard guard(lock_);
    if (over_) return;
    over_ = true;
    if (turns_ == 0) stand_in_.reset();
  }
  // Who sleeps for the client looks soon whether it is still there (shm::SleepCheck).
  if (waits_.load(std::memory_order_relaxed)) shm::announce_death();
}

}  // namespace multiprocessing::manager
