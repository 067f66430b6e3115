// A pool as processes see it that have one of its futures and have not made it.

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include <multiprocessing/detail/fork_mutex.hpp>
#include <multiprocessing/errors.hpp>

#include "pool/core.hpp"
#include "shm/object.hpp"
#include "shm/process_table.hpp"

namespace multiprocessing::pool {
namespace {

// How long a pool may be without a keeper before a guest gives it up. Its owner starts another one
// as soon as it waits for anything; if it does not, nobody would notice the death of a worker.
constexpr sys::Nanoseconds kWithoutKeeper = 5'000'000'000;

// The pools of this process of which futures have been sent, and those it is a guest of.
struct Book {
  detail::ForkMutex lock;  // guards this
  std::unordered_map<std::uint64_t, std::weak_ptr<Core>> pools;
};
Book& book() {
  static auto* const pools = new Book;  // never destroyed: futures may outlive what is
  return *pools;
}

}  // namespace

Core::Core(detail::Handle object, shm::Name owner, std::int32_t owner_pid)
    : guest_(true),
      owner_(owner),
      owner_pid_(owner_pid),
      object_(std::move(object)),
      state_(state_of(object_)),
      view_(state_) {}

bool Core::is_guest() const noexcept {
  return guest_ || owner_ != shm::self();
}

// Nothing is waited for that nobody will do. By the watch, who sleeps is woken by each death.
void Core::check_as_guest() {
  if (shm::is_dead(owner_)) throw_abandoned();
  const std::uint64_t keeper = state_.keeper.load(std::memory_order_acquire);
  if (keeper == 0 || !shm::is_dead(shm::unpack_name(keeper))) {
    alone_since_.store(0, std::memory_order_relaxed);  // relaxed, also below: a guess about time
    return;
  }
  const sys::Nanoseconds now = sys::now();
  sys::Nanoseconds since = 0;
  if (alone_since_.compare_exchange_strong(since, now, std::memory_order_relaxed)) return;
  if (now - since < kWithoutKeeper) return;
  throw BrokenProcessPool("the pool's keeper was killed, and process " +
                          std::to_string(owner_pid_) +
                          ", which made the pool, does not look after it");
}

void Core::throw_abandoned() const {
  throw BrokenProcessPool("process " + std::to_string(owner_pid_) +
                          ", which made the pool, ended before the task did");
}

std::exception_ptr Core::lost_error() const {
  return std::make_exception_ptr(
      BrokenProcessPool("the result is gone: the process ended that had sent this future, and the "
                        "one that made the pool has let go of it"));
}

}  // namespace multiprocessing::pool

namespace multiprocessing::detail {

bool is_owner(const pool::Core& core) noexcept {
  return !core.is_guest();
}

SharedTask shared_task(pool::Core& core, Ticket ticket) {
  pool::Book& known = pool::book();
  const std::lock_guard guard(known.lock);
  known.pools[core.id().value] = core.weak_from_this();
  SharedTask task;
  task.pool = core.id();
  task.owner = shm::pack_name(core.owner());
  task.owner_pid = core.owner_pid();
  task.cell = ticket.cell;
  task.sequence = ticket.sequence;
  return task;
}

PoolCore guest_core(const SharedTask& task) {
  pool::Book& known = pool::book();
  Handle object =
      Handle::from_id(task.pool.value, static_cast<std::uint32_t>(shm::ObjectKind::pool));
  PoolCore there;  // outlives the guard
  const std::lock_guard guard(known.lock);
  std::weak_ptr<pool::Core>& place = known.pools[task.pool.value];
  there = place.lock();
  if (there) return there;
  std::erase_if(known.pools, [&](const auto& each) {
    return each.first != task.pool.value && each.second.expired();
  });
  there =
      std::make_shared<pool::Core>(std::move(object), shm::unpack_name(task.owner), task.owner_pid);
  known.pools[task.pool.value] = there;
  return there;
}

}  // namespace multiprocessing::detail
