#include <multiprocessing/detail/handle.hpp>

#include <string>

#include <multiprocessing/errors.hpp>

#include "shm/object.hpp"

namespace multiprocessing::detail {

Handle Handle::from_id(std::uint64_t id, std::uint32_t kind) {
  if (id == 0) return {};
  if (shm::find_object(id, static_cast<shm::ObjectKind>(kind)) == nullptr) {
    throw ValueError("a handle refers to a shared object that is gone, or is of another type (id " +
                     std::to_string(id) + "): keep a handle to it until this one has arrived");
  }
  shm::LocalHold* held = shm::hold(id);
  if (held == nullptr) {
    throw ValueError("a handle refers to a shared object that is gone (id " + std::to_string(id) +
                     "): keep a handle to it until this one has arrived");
  }
  return Handle(held);
}

Handle::Handle(const Handle& other) noexcept : held_(other.held_) {
  if (held_ != nullptr) shm::hold_again(held_);
}

Handle::~Handle() {
  if (held_ != nullptr) shm::drop(held_);
}

std::uint64_t Handle::id() const noexcept {
  return held_ == nullptr ? 0 : held_->id;
}

shm::ObjectHeader* Handle::object() const noexcept {
  return held_ == nullptr ? nullptr : held_->object;
}

void* Handle::payload() const {
  if (held_ == nullptr) {
    throw ValueError(
        "this handle refers to nothing (it was moved from): use the one that it was moved to");
  }
  return held_->object + 1;
}

}  // namespace multiprocessing::detail
