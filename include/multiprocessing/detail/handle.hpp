#pragma once

/// \file multiprocessing/detail/handle.hpp
/// A counted reference to one shared object: what every handle class of the library is made of.
///
///   sharing   copies refer to the same object; the object goes when the last handle in the last
///             living process goes. Travels as its 8-byte id.
///   threads   as a shared_ptr: copying and dropping are safe, assigning one Handle is not
///   ordering  none of its own
///   death     a killed process's holds are dropped by whoever sweeps its slot

#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>

#include <multiprocessing/detail/export.hpp>

namespace multiprocessing::shm {
struct LocalHold;
struct ObjectHeader;
}  // namespace multiprocessing::shm

namespace multiprocessing::detail {

class MULTIPROCESSING_API Handle {
 public:
  Handle() noexcept = default;  // refers to nothing
  /// Takes over one count.
  explicit Handle(shm::LocalHold* held) noexcept : held_(held) {}
  /// A handle to an object whose id arrived from elsewhere.
  /// \throws ValueError if the object is gone or is not of `kind`.
  static Handle from_id(std::uint64_t id, std::uint32_t kind);

  Handle(const Handle& other) noexcept;
  Handle(Handle&& other) noexcept : held_(std::exchange(other.held_, nullptr)) {}
  Handle& operator=(Handle other) noexcept {
    std::swap(held_, other.held_);
    return *this;
  }
  ~Handle();

  explicit operator bool() const noexcept { return held_ != nullptr; }
  /// 0 for none.
  [[nodiscard]] std::uint64_t id() const noexcept;
  /// The object's header in this process's mapping; its payload follows after 64 bytes.
  [[nodiscard]] shm::ObjectHeader* object() const noexcept;
  /// nullptr for none.
  [[nodiscard]] shm::LocalHold* hold() const noexcept { return held_; }
  /// The payload. \throws ValueError for an empty or moved-from handle.
  [[nodiscard]] void* payload() const;

  friend bool operator==(const Handle& a, const Handle& b) noexcept { return a.held_ == b.held_; }

 private:
  shm::LocalHold* held_ = nullptr;
};

}  // namespace multiprocessing::detail

template <>
struct std::hash<multiprocessing::detail::Handle> {
  std::size_t operator()(const multiprocessing::detail::Handle& handle) const noexcept {
    return std::hash<std::uint64_t>{}(handle.id());
  }
};
