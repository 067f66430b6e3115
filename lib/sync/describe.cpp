#include "sync/describe.hpp"

#include "sync/barrier_state.hpp"
#include "sync/condition_state.hpp"
#include "sync/event_state.hpp"
#include "sync/lock_state.hpp"
#include "sync/semaphore_state.hpp"

// Everything is read relaxed: each word means something by itself, and may be stale.

namespace multiprocessing {
namespace sync {
namespace {

template <class T>
T& of(shm::ObjectHeader& object) noexcept {
  return *shm::payload<T>(&object);
}

}  // namespace

void describe_lock(shm::ObjectHeader& object, std::string& out) {
  const auto& lock = of<LockState>(object);
  const std::string holder = detail::holder_of(lock);
  out += holder.empty() ? "free" : "held by " + holder;
  const std::uint64_t depth = depth_in(lock.inner.load(std::memory_order_relaxed));
  if (!holder.empty() && depth > 1) out += ", " + std::to_string(depth) + " times";
}

void describe_semaphore(shm::ObjectHeader& object, std::string& out) {
  const auto& semaphore = of<SemaphoreState>(object);
  const auto permits = permits_in(semaphore.word.load(std::memory_order_relaxed));
  out += std::to_string(permits) + (permits == 1 ? " permit" : " permits");
  if (semaphore.limit != kMaxPermits) out += " of " + std::to_string(semaphore.limit);
}

void describe_event(shm::ObjectHeader& object, std::string& out) {
  out += is_set(of<EventState>(object).word.load(std::memory_order_relaxed)) ? "set" : "clear";
}

void describe_condition(shm::ObjectHeader& object, std::string& out) {
  auto& condition = of<ConditionState>(object);
  std::size_t waiting = 0;
  std::size_t notified = 0;
  const CellPage* page = &condition.first;
  for (int pages = 0; page != nullptr && pages < 1024; ++pages) {
    for (const Cell& cell : page->cells) {
      const CellWord word = cell.load(std::memory_order_relaxed);
      if (word != kFreeCell) ++(is_notified(word) ? notified : waiting);
    }
    page = reinterpret_cast<const CellPage*>(shm::linked(page->next, sizeof(CellPage)));
  }
  out += std::to_string(waiting) + " waiting, " + std::to_string(notified) + " notified, lock #" +
         std::to_string(shm::BlockRef::unpack(condition.lock_id).id);
}

void describe_barrier(shm::ObjectHeader& object, std::string& out) {
  const auto& barrier = of<BarrierState>(object);
  const BarrierWord word = barrier.word.load(std::memory_order_relaxed);
  out += std::to_string(arrived_in(word)) + " of " + std::to_string(barrier.parties) +
         " parties are there" + (is_broken(word) ? ", broken" : "");
}

}  // namespace sync

namespace detail {

std::string holder_of(const sync::LockState& lock) {
  const sync::LockWord word = lock.word.load(std::memory_order_relaxed);
  return sync::owner_part(word) == sync::kFree ? "" : shm::person(sync::owner_of(word));
}

}  // namespace detail
}  // namespace multiprocessing
