#include <multiprocessing/detail/exposed_locks.hpp>

#include <multiprocessing/errors.hpp>

#include "shm/object.hpp"
#include "sync/caller.hpp"
#include "sync/lock_state.hpp"

namespace multiprocessing::detail {
namespace {

bool holds(const Condition& condition) noexcept {
  try {
    condition.notify(0);  // nobody
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace

// Anybody may release a Lock: only the caller's own hold is given back.
void give_back(const Lock& lock) noexcept {
  auto* const object = shm::find_object(lock.handle_id().value, shm::ObjectKind::lock);
  if (object == nullptr) return;
  // relaxed: this process wrote what is looked for, or it is not there
  const sync::LockWord word =
      shm::payload<sync::LockState>(object)->word.load(std::memory_order_relaxed);
  if (sync::owner_part(word) == sync::caller().owner) lock.unlock();
}

void give_back(const Condition& condition) noexcept {
  if (holds(condition)) condition.unlock();
}

void give_all_back(const Condition& condition) noexcept {
  while (holds(condition)) condition.unlock();
}

}  // namespace multiprocessing::detail
