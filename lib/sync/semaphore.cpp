#include <multiprocessing/detail/semaphore.hpp>

#include <new>
#include <string>
#include <utility>

#include <multiprocessing/errors.hpp>

#include "shm/object.hpp"
#include "sync/describe.hpp"
#include "sync/semaphore_state.hpp"

namespace multiprocessing {
namespace {

using shm::ObjectKind;

// Nothing but its own block belongs to a semaphore.
void nothing_more(shm::ObjectHeader& /*object*/) noexcept {}

const bool registered = [] {
  shm::register_kind(ObjectKind::semaphore, nothing_more);
  shm::register_describer(ObjectKind::semaphore, "Semaphore", sync::describe_semaphore);
  return true;
}();

struct Permits {
  int value;
  int limit;
};

void prepare_semaphore(void* payload, const void* permits) {
  const auto [value, limit] = *static_cast<const Permits*>(permits);
  auto* semaphore = new (payload) sync::SemaphoreState;
  semaphore->limit = static_cast<sync::SemaphoreWord>(limit);
  // relaxed: the object is published later
  semaphore->word.store(static_cast<sync::SemaphoreWord>(value) * sync::kOnePermit,
                        std::memory_order_relaxed);
}

detail::Handle from_id(detail::HandleId id) {
  return detail::Handle::from_id(id.value, static_cast<std::uint32_t>(ObjectKind::semaphore));
}

}  // namespace

detail::Handle Semaphore::make(int value, int limit) {
  if (value < 0) {
    throw ValueError("a semaphore's value must not be negative, but is " + std::to_string(value));
  }
  const Permits permits{.value = value, .limit = limit};
  return detail::Handle(shm::create_object(ObjectKind::semaphore, sizeof(sync::SemaphoreState),
                                           prepare_semaphore, &permits));
}

Semaphore::Semaphore(int value) : Semaphore(make(value, sync::kMaxPermits)) {}

Semaphore::Semaphore(detail::Handle handle) noexcept : handle_(std::move(handle)) {}

Semaphore Semaphore::from_handle_id(detail::HandleId id) {
  return Semaphore(from_id(id));
}

sync::SemaphoreState& Semaphore::state() const {
  return *static_cast<sync::SemaphoreState*>(handle_.payload());
}

bool Semaphore::acquire(Timeout timeout) const {
  return sync::acquire(state(), timeout);
}

void Semaphore::release() const {
  if (!sync::release(state())) {
    throw ValueError(
        "semaphore or lock released too many times: it has as many permits as it was made with; "
        "acquire() comes first");
  }
}

void Semaphore::unlock() const noexcept {
  (void)sync::release(state());
}

int Semaphore::get_value() const {
  // relaxed: true by now, or not any more
  return static_cast<int>(sync::permits_in(state().word.load(std::memory_order_relaxed)));
}

BoundedSemaphore::BoundedSemaphore(int value) : BoundedSemaphore(make(value, value)) {}

BoundedSemaphore::BoundedSemaphore(detail::Handle handle) noexcept : Semaphore(std::move(handle)) {}

BoundedSemaphore BoundedSemaphore::from_handle_id(detail::HandleId id) {
  return BoundedSemaphore(from_id(id));
}

}  // namespace multiprocessing
