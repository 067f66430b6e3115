#include <cstring>
#include <new>

#include <multiprocessing/detail/guarded.hpp>
#include <multiprocessing/errors.hpp>

#include "shared/describe.hpp"
#include "shared/value_head.hpp"
#include "shm/object.hpp"
#include "sys/crash_point.hpp"

namespace multiprocessing::detail {
namespace {

using shared::GuardedHead;
using shared::LockMode;
using shm::ObjectKind;

constexpr std::uint64_t kSparse = std::uint64_t{64} << 20U;  // above it, memory comes when touched

/// Drops the hold on a foreign lock. Begun anew after a death, it finds the location as it is.
void drop_lock(shm::ObjectHeader& object) noexcept {
  auto* head = shm::payload<GuardedHead>(&object);
  if (shm::Block block = shm::unlink(head->lock_link)) shm::release_message(block);
}

const bool registered = [] {
  shm::register_kind(ObjectKind::value, drop_lock);
  shm::register_kind(ObjectKind::array, drop_lock);
  shm::register_describer(ObjectKind::value, "Value", shared::describe_value);
  shm::register_describer(ObjectKind::array, "Array", shared::describe_value);
  return true;
}();

LockMode mode_of(const LockChoice& choice) noexcept {
  if (choice.foreign() != nullptr) return LockMode::foreign;
  return choice.none() ? LockMode::none : LockMode::own;
}

struct Plan {
  std::uint64_t item, count, bytes;
  const void* content;
  std::uint64_t given;
  std::uint64_t lock_id;
  LockMode mode;
  bool sparse;
};

void prepare(void* payload, const void* argument) {
  const Plan& plan = *static_cast<const Plan*>(argument);
  auto* head = new (payload) GuardedHead{};
  (void)make_lock(head->lock.data(), Recovery::silent);
  head->mode = plan.mode;
  head->item = plan.item;
  head->count = plan.count;
  head->lock_id = plan.lock_id;
  std::byte* content = shared::content_of(*head);
  if (plan.given != 0) std::memcpy(content, plan.content, plan.given);
  // Sparse memory is zero already, and touching it would allocate it.
  if (!plan.sparse) std::memset(content + plan.given, 0, plan.bytes - plan.given);
}

Handle create(const Plan& plan, std::uint32_t kind) {
  return Handle(shm::create_object(static_cast<ObjectKind>(kind), sizeof(GuardedHead) + plan.bytes,
                                   prepare, &plan, plan.sparse));
}

/// Lets the object hold the lock (I3 of value_head.hpp).
void link_lock(GuardedHead& head) {
  const shm::ObjectId lock = head.lock_id;
  shm::OwnedBlock block(shm::make_message(0, {&lock, 1}));
  MULTIPROCESSING_CRASH_POINT("value.make.created");
  if (shm::link(block.get(), head.lock_link)) (void)block.let_go();
  MULTIPROCESSING_CRASH_POINT("value.make.linked");
}

/// A new handle to the object, of whichever kind, whose payload begins with the lock `id`.
Handle lock_handle(std::uint64_t id) {
  return Handle(shm::hold(id));
}

}  // namespace

GuardedObject::GuardedObject(const Layout& layout, const LockChoice& choice) : lock_(Handle()) {
  const Handle* foreign = choice.foreign();
  const Plan plan{
      .item = layout.item,
      .count = layout.count,
      .bytes = layout.bytes,
      .content = layout.content,
      .given = layout.given,
      .lock_id = foreign != nullptr ? foreign->id() : 0,
      .mode = mode_of(choice),
      .sparse = layout.bytes > kSparse,
  };
  if (foreign != nullptr) (void)foreign->payload();  // throws for a lock that was moved from
  object_ = create(plan, layout.kind);
  head_ = static_cast<GuardedHead*>(object_.payload());
  if (foreign != nullptr) {
    link_lock(*head_);
    use_lock_of(*foreign);
  } else if (plan.mode == LockMode::own) {
    use_lock_of(object_);
  }
}

GuardedObject::GuardedObject(HandleId id, std::uint32_t kind, std::uint64_t item)
    : object_(Handle::from_id(id.value, kind)),
      lock_(Handle()),
      head_(static_cast<GuardedHead*>(object_.payload())) {
  if (head_->item != item) {
    throw ValueError(
        "the handle that came refers to a shared object of another element type: receive it as the "
        "type that was sent");
  }
  if (head_->mode == LockMode::own) use_lock_of(object_);
  if (head_->mode == LockMode::foreign) use_lock_of(lock_handle(head_->lock_id));
}

void GuardedObject::use_lock_of(const Handle& owner) {
  lock_ = RLock(owner);
  state_ = &lock_.state();
}

const RLock& GuardedObject::get_lock() const {
  if (!has_lock()) {
    throw ValueError("this object was made without a lock: leave no_lock out where it is made");
  }
  return lock_;
}

void GuardedObject::require_no_lock() const {
  if (has_lock()) throw ValueError("this object has a lock: use Value or Array for it");
}

std::byte* GuardedObject::content() const noexcept {
  return shared::content_of(*head_);
}

}  // namespace multiprocessing::detail
