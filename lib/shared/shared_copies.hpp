#pragma once

// This process's copies of shared values, by the id of their objects. Plain heap memory.
//
// Invariants
//   I1  An entry is found, and removed, under the book's mutex only; `handles` goes up from 0 under
//       it only. So one without handles can be removed, and nothing refers to it.
//   I2  A copy is destroyed outside the mutex: it may drop handles, which takes other locks.
//   I3  An entry whose object is gone serves no handle that will come: ids are used once.
//
// Ordering. Each pair is named where it is used.
//   [C] value: release -> acquire   whoever finds the copy finds it whole
//
// A fork of the user's may happen while another thread is inside: before it the mutex is taken, so
// that the child finds the book whole; a copy that another thread was making is the child's to
// make.

#include <atomic>
#include <cstdint>
#include <memory>

#include <multiprocessing/detail/shared.hpp>

#include "shm/object.hpp"

namespace multiprocessing::detail {

struct SharedEntry {
  explicit SharedEntry(shm::ObjectId of) : id(of) {}

  shm::ObjectId id;
  std::atomic<std::uint64_t> handles{1};    // SharedObjects that refer to it
  std::atomic<std::uint32_t> maker{0};      // pid of the process whose thread is making the copy
  std::atomic<const void*> value{nullptr};  // [C]
  SharedObject::Value keeper;               // what `value` points into
  std::uint64_t forgotten = 0;              // when the last handle went; under the mutex
};

}  // namespace multiprocessing::detail

namespace multiprocessing::shared {

using detail::SharedEntry;

/// The entry of `id`, made if need be, with one more handle.
SharedEntry* find_entry(shm::ObjectId id);

/// One more handle; requires one.
inline void refer_again(SharedEntry& entry) noexcept {
  // relaxed: whoever copies a handle has one
  entry.handles.fetch_add(1, std::memory_order_relaxed);
}

/// One handle less. The object's own handle has been dropped before.
void leave_entry(SharedEntry& entry) noexcept;

/// Copies that the process keeps, for tests.
std::size_t kept_copies() noexcept;

}  // namespace multiprocessing::shared
