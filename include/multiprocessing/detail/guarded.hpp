#pragma once

/// \file multiprocessing/detail/guarded.hpp
/// What Value, RawValue, Array and RawArray have in common: one shared object, and the lock that
/// guards it, which is its own, somebody else's, or none.
///
///   sharing   copies refer to the same object
///   threads   as a shared_ptr
///   ordering  what was written under the lock is seen under it
///   death     its own lock recovers silently; somebody else's as its Recovery says

#include <cstddef>
#include <cstdint>
#include <functional>

#include <multiprocessing/detail/codec_stream.hpp>
#include <multiprocessing/detail/export.hpp>
#include <multiprocessing/detail/handle.hpp>
#include <multiprocessing/detail/lock.hpp>
#include <multiprocessing/synchronize.hpp>

namespace multiprocessing {

/// In place of a lock: the object has none.
struct NoLock {
  explicit NoLock() = default;
};
inline constexpr NoLock no_lock{};

}  // namespace multiprocessing

namespace multiprocessing::shared {
struct GuardedHead;  // lib/shared/value_head.hpp
}  // namespace multiprocessing::shared

namespace multiprocessing::detail {

/// The lock of a new object.
class LockChoice {
 public:
  // NOLINTBEGIN(google-explicit-constructor)
  LockChoice() noexcept = default;  // its own
  LockChoice(NoLock) noexcept : none_(true) {}
  LockChoice(const RLock& lock) noexcept : foreign_(&lock.handle_) {}
  LockChoice(const Lock& lock) noexcept : foreign_(&lock.handle_) {}
  // NOLINTEND(google-explicit-constructor)

  [[nodiscard]] bool none() const noexcept { return none_; }
  [[nodiscard]] const Handle* foreign() const noexcept { return foreign_; }

 private:
  bool none_ = false;
  const Handle* foreign_ = nullptr;
};

// NOLINTNEXTLINE(cppcoreguidelines-special-member-functions): moving copies, as Python's names do
class MULTIPROCESSING_API GuardedObject {
 public:
  GuardedObject(const GuardedObject&) = default;
  GuardedObject& operator=(const GuardedObject&) = default;
  ~GuardedObject() = default;

  [[nodiscard]] HandleId id() const noexcept { return {object_.id()}; }
  [[nodiscard]] bool has_lock() const noexcept { return state_ != nullptr; }
  /// \throws ValueError if it has none.
  [[nodiscard]] const RLock& get_lock() const;
  /// \throws ValueError if it has one.
  void require_no_lock() const;

  /// Holds the object's lock, if it has one, to the end of the scope.
  class Scope {
   public:
    explicit Scope(const GuardedObject& object) : state_(object.state_) {
      if (state_ != nullptr) enter(*state_);
    }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    ~Scope() {
      if (state_ != nullptr) leave(*state_);
    }

   private:
    sync::LockState* state_;
  };

  friend bool operator==(const GuardedObject& a, const GuardedObject& b) noexcept {
    return a.object_ == b.object_;
  }
  [[nodiscard]] const Handle& handle() const noexcept { return object_; }

 protected:
  struct Layout {
    std::uint32_t kind;   // shm::ObjectKind
    std::uint64_t item;   // bytes of one element
    std::uint64_t count;  // elements
    std::uint64_t bytes;  // of content
    const void* content;  // to begin with; zeroes where it is null
    std::uint64_t given;  // bytes of `content`
  };

  GuardedObject(const Layout& layout, const LockChoice& choice);
  /// \throws ValueError if the object is gone or its elements have another size.
  GuardedObject(HandleId id, std::uint32_t kind, std::uint64_t item);

  [[nodiscard]] shared::GuardedHead& head() const noexcept { return *head_; }
  [[nodiscard]] std::byte* content() const noexcept;

 private:
  void use_lock_of(const Handle& owner);

  Handle object_;
  RLock lock_;  // its own or somebody else's; empty: none
  shared::GuardedHead* head_ = nullptr;
  sync::LockState* state_ = nullptr;  // of lock_; null: none
};

/// std::hash of all four handles: equal for the same object.
struct GuardedHash {
  template <class Handle_>
  std::size_t operator()(const Handle_& handle) const noexcept {
    return std::hash<Handle>{}(handle.object().handle());
  }
};

}  // namespace multiprocessing::detail
