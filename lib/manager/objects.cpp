#include "manager/objects.hpp"

#include <utility>

#include <multiprocessing/errors.hpp>

namespace multiprocessing::manager {
namespace {

[[noreturn]] void throw_gone(std::uint64_t number) {
  throw ValueError("the manager has no object " + std::to_string(number) +
                   " for this client any more");
}

}  // namespace

std::uint64_t Objects::add(ManagedObject object) {
  const std::lock_guard guard(lock_);
  objects_.emplace(next_, Counted{.managed = std::move(object)});
  return next_++;
}

bool Objects::keep(std::uint64_t number) {
  const std::lock_guard guard(lock_);
  const auto found = objects_.find(number);
  if (found == objects_.end()) return false;
  ++found->second.count;
  return true;
}

void Objects::drop(std::uint64_t number, std::uint64_t times) noexcept {
  std::shared_ptr<void> last;  // destroyed after the lock is free: its destructor may do anything
  const std::lock_guard guard(lock_);
  const auto found = objects_.find(number);
  if (found == objects_.end()) return;
  found->second.count -= times;
  if (found->second.count != 0) return;
  last = std::move(found->second.managed.object);
  objects_.erase(found);
}

ManagedObject Objects::find(std::uint64_t number) const {
  const std::lock_guard guard(lock_);
  const auto found = objects_.find(number);
  if (found == objects_.end()) throw_gone(number);
  return found->second.managed;
}

Session::~Session() {
  for (const auto& [number, times] : held_) objects_.drop(number, times);
}

std::uint64_t Session::give(ManagedObject object) {
  const std::uint64_t number = objects_.add(std::move(object));
  const std::lock_guard guard(lock_);
  held_.emplace(number, 1);
  return number;
}

void Session::adopt(std::uint64_t number) {
  if (!objects_.keep(number)) throw_gone(number);
  const std::lock_guard guard(lock_);
  ++held_[number];
}

void Session::drop(std::uint64_t number) noexcept {
  {
    const std::lock_guard guard(lock_);
    const auto found = held_.find(number);
    if (found == held_.end()) return;
    if (--found->second == 0) held_.erase(found);
  }
  objects_.drop(number, 1);
}

ManagedObject Session::find(std::uint64_t number) const {
  {
    const std::lock_guard guard(lock_);
    if (!held_.contains(number)) throw_gone(number);
  }
  return objects_.find(number);
}

std::string Session::why_not_shared() const {
  const std::lock_guard guard(lock_);
  return why_not_shared_;
}

void Session::set_why_not_shared(std::string why) {
  const std::lock_guard guard(lock_);
  why_not_shared_ = std::move(why);
}

}  // namespace multiprocessing::manager
