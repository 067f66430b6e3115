#include <multiprocessing/synchronize.hpp>

#include <new>
#include <utility>

#include "shm/object.hpp"
#include "sync/describe.hpp"
#include "sync/event_state.hpp"
#include "sync/lock_state.hpp"

namespace multiprocessing {
namespace {

using shm::ObjectKind;

// Nothing but its own block belongs to a lock or an event.
void nothing_more(shm::ObjectHeader& /*object*/) noexcept {}

const bool registered = [] {
  for (const ObjectKind kind : {ObjectKind::lock, ObjectKind::rlock, ObjectKind::event}) {
    shm::register_kind(kind, nothing_more);
  }
  shm::register_describer(ObjectKind::lock, "Lock", sync::describe_lock);
  shm::register_describer(ObjectKind::rlock, "RLock", sync::describe_lock);
  shm::register_describer(ObjectKind::event, "Event", sync::describe_event);
  return true;
}();

void prepare_lock(void* payload, const void* recovery) {
  detail::make_lock(payload, *static_cast<const Recovery*>(recovery));
}

detail::Handle create_lock(ObjectKind kind, Recovery recovery) {
  return detail::Handle(shm::create_object(kind, sizeof(sync::LockState), prepare_lock, &recovery));
}

void prepare_event(void* payload, const void* /*nothing*/) {
  new (payload) sync::EventState;
}

detail::Handle from_id(detail::HandleId id, ObjectKind kind) {
  return detail::Handle::from_id(id.value, static_cast<std::uint32_t>(kind));
}

sync::EventState& event_of(const detail::Handle& handle) {
  return *static_cast<sync::EventState*>(handle.payload());
}

bool is_locked(const sync::LockState& lock) noexcept {
  return lock.word.load(std::memory_order_relaxed) != sync::kFree;  // true by now, or not any more
}

}  // namespace

Lock::Lock(Recovery recovery) : handle_(create_lock(ObjectKind::lock, recovery)) {}

Lock::Lock(detail::Handle handle) noexcept : handle_(std::move(handle)) {}

Lock Lock::from_handle_id(detail::HandleId id) {
  return Lock(from_id(id, ObjectKind::lock));
}

sync::LockState& Lock::state() const {
  return *static_cast<sync::LockState*>(handle_.payload());
}

bool Lock::acquire(Timeout timeout) const {
  return sync::acquire(state(), timeout, sync::caller());
}

void Lock::release() const {
  if (!sync::release(state())) {
    throw ValueError(
        "semaphore or lock released too many times: nobody holds this lock; acquire() comes first");
  }
}

void Lock::unlock() const noexcept {
  (void)sync::release(state());
}

bool Lock::locked() const {
  return is_locked(state());
}

bool Lock::owner_died() const {
  return sync::owner_died(state(), sync::caller());
}

RLock::RLock(Recovery recovery) : handle_(create_lock(ObjectKind::rlock, recovery)) {}

RLock::RLock(detail::Handle handle) noexcept : handle_(std::move(handle)) {}

RLock RLock::from_handle_id(detail::HandleId id) {
  // The payload of each of these kinds begins with the lock.
  for (const ObjectKind kind : {ObjectKind::value, ObjectKind::array, ObjectKind::lock}) {
    if (shm::find_object(id.value, kind) != nullptr) return RLock(from_id(id, kind));
  }
  return RLock(from_id(id, ObjectKind::rlock));
}

sync::LockState& RLock::state() const {
  return *static_cast<sync::LockState*>(handle_.payload());
}

bool RLock::acquire(Timeout timeout) const {
  return sync::acquire_recursive(state(), timeout, sync::caller());
}

void RLock::release() const {
  if (!sync::release_recursive(state(), sync::caller())) {
    throw ValueError(
        "attempt to release recursive lock not owned by thread: who acquired it releases it");
  }
}

void RLock::unlock() const noexcept {
  (void)sync::release_recursive(state(), sync::caller());
}

bool RLock::locked() const {
  return is_locked(state());
}

bool RLock::owner_died() const {
  return sync::held_here(state(), sync::caller()) && sync::owner_died(state(), sync::caller());
}

Event::Event()
    : handle_(shm::create_object(ObjectKind::event, sizeof(sync::EventState), prepare_event,
                                 nullptr)) {}

Event::Event(detail::Handle handle) noexcept : handle_(std::move(handle)) {}

Event Event::from_handle_id(detail::HandleId id) {
  return Event(from_id(id, ObjectKind::event));
}

bool Event::is_set() const {
  return sync::is_set(sync::seen(event_of(handle_).word));
}

void Event::set() const {
  sync::set(event_of(handle_));
}

void Event::clear() const {
  sync::clear(event_of(handle_));
}

bool Event::wait(Timeout timeout) const {
  return sync::wait(event_of(handle_), timeout);
}

}  // namespace multiprocessing
