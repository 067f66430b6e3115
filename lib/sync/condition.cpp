#include <multiprocessing/detail/condition.hpp>

#include <new>
#include <span>
#include <utility>

#include <multiprocessing/synchronize.hpp>

#include "shm/object.hpp"
#include "sync/condition_state.hpp"
#include "sync/describe.hpp"

namespace multiprocessing {
namespace {

using shm::ObjectKind;

const bool registered = [] {
  shm::register_kind(ObjectKind::condition, [](shm::ObjectHeader& object) noexcept {
    sync::destroy(*shm::payload<sync::ConditionState>(&object));
  });
  shm::register_describer(ObjectKind::condition, "Condition", sync::describe_condition);
  return true;
}();

struct Draft {
  shm::ObjectId lock;
  bool recursive;
};

void prepare_condition(void* payload, const void* draft) {
  const auto [lock, recursive] = *static_cast<const Draft*>(draft);
  auto* condition = new (payload) sync::ConditionState;
  condition->lock_id = lock;
  condition->recursive = recursive ? 1 : 0;
}

detail::Handle from_id(std::uint64_t id, ObjectKind kind) {
  return detail::Handle::from_id(id, static_cast<std::uint32_t>(kind));
}

sync::ConditionState& condition_of(const detail::Handle& handle) {
  return *static_cast<sync::ConditionState*>(handle.payload());
}

/// The lock lives as long as the condition.
detail::Handle create_condition(shm::ObjectId lock, bool recursive) {
  const Draft draft{.lock = lock, .recursive = recursive};
  detail::Handle handle(shm::create_object(ObjectKind::condition, sizeof(sync::ConditionState),
                                           prepare_condition, &draft));
  shm::OwnedBlock hold(shm::make_message(0, std::span<const shm::ObjectId>(&lock, 1)));
  (void)shm::link(hold.get(), condition_of(handle).lock_hold);
  (void)hold.let_go();  // the location's now
  return handle;
}

// What Python's AssertionError says
constexpr const char* kWaitNotHeld = "must acquire() condition before using wait()";
constexpr const char* kNotifyNotHeld = "lock is not owned";

}  // namespace

Condition::Condition() : Condition(RLock()) {}

Condition::Condition(const Lock& lock) : Condition(lock.handle_id(), false) {}

Condition::Condition(const RLock& lock) : Condition(lock.handle_id(), true) {}

// An RLock may be that of a Value or Array: any kind will do.
Condition::Condition(detail::HandleId lock, bool recursive)
    : lock_(from_id(lock.value, ObjectKind::none)) {
  if (!lock_) {
    throw ValueError(
        "the lock for this condition refers to nothing (it was moved from): give one that is in "
        "use");
  }
  handle_ = create_condition(lock.value, recursive);
}

Condition::Condition(detail::Handle handle, detail::Handle lock) noexcept
    : handle_(std::move(handle)), lock_(std::move(lock)) {}

Condition Condition::from_handle_id(detail::HandleId id) {
  detail::Handle handle = from_id(id.value, ObjectKind::condition);
  const std::uint64_t lock = condition_of(handle).lock_id;
  return {std::move(handle), from_id(lock, ObjectKind::none)};
}

sync::ConditionState& Condition::state() const {
  return condition_of(handle_);
}

sync::LockState& Condition::lock_state() const {
  return *static_cast<sync::LockState*>(lock_.payload());
}

bool Condition::acquire(Timeout timeout) const {
  const auto how = state().recursive != 0 ? &sync::acquire_recursive : &sync::acquire;
  return how(lock_state(), timeout, sync::caller());
}

void Condition::release() const {
  if (state().recursive == 0) {
    if (!sync::release(lock_state())) {
      throw ValueError(
          "semaphore or lock released too many times: nobody holds the condition's lock; "
          "acquire() comes first");
    }
  } else if (!sync::release_recursive(lock_state(), sync::caller())) {
    throw ValueError(
        "attempt to release recursive lock not owned by thread: who acquired it releases it");
  }
}

void Condition::unlock() const noexcept {
  if (state().recursive == 0) {
    (void)sync::release(lock_state());
  } else {
    (void)sync::release_recursive(lock_state(), sync::caller());
  }
}

bool Condition::wait(Timeout timeout) const {
  const sync::Caller& caller = sync::caller();
  if (!sync::is_held(state(), lock_state(), caller)) throw ValueError(kWaitNotHeld);
  return sync::wait(state(), lock_state(), timeout, caller);
}

void Condition::notify(int n) const {
  if (!sync::is_held(state(), lock_state(), sync::caller())) throw ValueError(kNotifyNotHeld);
  if (n > 0) sync::notify(state(), static_cast<std::uint64_t>(n));
}

void Condition::notify_all() const {
  if (!sync::is_held(state(), lock_state(), sync::caller())) throw ValueError(kNotifyNotHeld);
  sync::notify(state(), sync::kEverybody);
}

}  // namespace multiprocessing
