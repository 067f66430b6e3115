#include "pool/bell.hpp"

#include <multiprocessing/detail/bell.hpp>

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <new>

#include "pool/patience.hpp"
#include "shm/object.hpp"
#include "shm/process_table.hpp"
#include "shm/watch.hpp"
#include "sys/clock.hpp"

namespace multiprocessing::pool {
namespace {

void prepare(void* payload, const void*) {
  new (payload) Bell(0);
}
void destroy(shm::ObjectHeader&) noexcept {}

// The pointer is what ringers look at; a forked child has none until it waits for something.
std::atomic<Bell*> mine{nullptr};
std::mutex making;  // guards the handle
detail::Handle* handle = nullptr;

void forget() noexcept {
  mine.store(nullptr, std::memory_order_relaxed);  // relaxed: a new process has one thread
  handle = nullptr;                                // what the parent held, this process holds too
  new (&making) std::mutex;
}

const bool registered = [] {
  shm::register_kind(shm::ObjectKind::bell, destroy);
  shm::register_fork_hook(forget);
  return true;
}();

}  // namespace

Bell& bell_in(const detail::Handle& held) noexcept {
  return *reinterpret_cast<Bell*>(held.object() + 1);
}

detail::Handle own_bell() {
  (void)registered;
  const std::lock_guard guard(making);
  if (handle == nullptr) {
    handle = new detail::Handle(  // for the life of the process: threads may wait while it exits
        shm::create_object(shm::ObjectKind::bell, sizeof(Bell), prepare, nullptr));
    mine.store(&bell_in(*handle), std::memory_order_seq_cst);  // [B]
  }
  return *handle;
}

// Who finds it unset after another one has rung need not ring: who armed it before that has been
// woken, and who arms it later sees what we published.
void ring(Bell& bell) noexcept {
  std::uint32_t seen = bell.load(std::memory_order_seq_cst);  // [B]
  while ((seen & 1U) != 0) {
    if (!bell.compare_exchange_weak(seen, seen + 1, std::memory_order_seq_cst)) continue;
    shm::wake(bell, INT32_MAX);
    return;
  }
}

}  // namespace multiprocessing::pool

namespace multiprocessing::detail {
namespace {

constexpr std::int64_t kLongSpin = 30'000;
constexpr std::int64_t kLookEvery = 1'000'000;

}  // namespace

void ring_bell() noexcept {
  if (pool::Bell* const bell = pool::mine.load(std::memory_order_seq_cst))
    pool::ring(*bell);  // [B]
}

// Who wakes it: whoever ends one of the things, in this process or another; any death in the
// family.
bool wait_for_bell(bool (*ended)(void*), void* argument, std::int64_t deadline,
                   const bool* silent) {
  if (ended(argument)) return true;
  if (deadline <= 0) return false;
  static pool::Temper temper;
  const std::int64_t enough = sys::now() + kLongSpin;  // a look may take long
  for (pool::Patience patience(temper); patience.again() && sys::now() < enough;) {
    if (ended(argument)) return true;
  }
  const Handle held = pool::own_bell();
  pool::Bell& bell = pool::bell_in(held);
  shm::Sleeper sleeper(bell);
  for (;;) {
    sleeper.note();
    const std::uint32_t expected = pool::arm(bell);
    if (ended(argument)) return true;
    const bool looks = silent != nullptr && *silent;
    const std::int64_t until = looks ? std::min(deadline, sys::now() + kLookEvery) : deadline;
    if (!sleeper.sleep(expected, until) && until == deadline) return ended(argument);
  }
}

}  // namespace multiprocessing::detail
