#pragma once

// What the payload of every Value and Array begins with.
//
// Layout (128 bytes; the content follows at a multiple of 64)
//
//   0    lock       a recursive lock (sync/lock_state.hpp), unused unless mode is own
//   64   mode       own=0 none=1 foreign=2, constant
//   68   reserved
//   72   item       bytes of one element, constant
//   80   count      elements; 1 for a Value, constant
//   88   lock_id    object id of the foreign lock, or 0, constant
//   96   lock_link  location of the block whose Message holds that lock
//   104  word       of a Value: its bytes if they are at most 8, else the number of writes
//   112  reserved
//   128  content    Array: count x item. Value above 8 bytes: two buffers, each a multiple of 64
//
//              write: the other buffer, then the word
//   word = n ------------------------------------------> word = n + 1
//      buffer[n % 2] is the value                           buffer[(n + 1) % 2] is
//
// Invariants
//   I1  One writes at a time: under the lock, or by the user's own arrangement (RawValue).
//   I2  The buffer that word names is never written.
//   I3  A foreign lock lives as long as this object: the linked Message holds it, and whoever has
//       this object and finds lock_id may enter a hold on it.
//
// Ordering. Each pair is named where it is used.
//   [V] word or a word of a buffer: release -> read: acquire. A reader who saw a word of a newer
//       write in its buffer also sees that write's predecessor in `word`, and reads again.
//
// Death. What a survivor finds if a process is killed
//   buffer written in part     the old value: word does not name that buffer
//   word stored                the new value
//   holding the lock           see sync/lock_state.hpp
//   object made, lock not yet linked   nobody else has the object: it goes with its maker
//   while it is destroyed      unlink and release are resumable: the sweeper does both again
// Points: value.make.created, value.make.linked, value.write.copied, value.write.published

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <multiprocessing/detail/lock.hpp>

#include "shm/block.hpp"

namespace multiprocessing::shared {

enum class LockMode : std::uint32_t { own, none, foreign };

struct alignas(64) GuardedHead {
  alignas(64) std::array<std::byte, detail::kLockBytes> lock;
  LockMode mode;
  std::uint32_t reserved0;
  std::uint64_t item;
  std::uint64_t count;
  std::uint64_t lock_id;
  shm::Location lock_link;
  std::atomic<std::uint64_t> word;
  std::array<std::uint64_t, 2> reserved1;
};

static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "it would be private to a process");
static_assert(std::is_standard_layout_v<GuardedHead>,
              "processes built apart must agree on offsets");
static_assert(offsetof(GuardedHead, mode) == 64 && offsetof(GuardedHead, lock_link) == 96 &&
              offsetof(GuardedHead, word) == 104 && sizeof(GuardedHead) == 128);

inline std::byte* content_of(GuardedHead& head) noexcept {
  return reinterpret_cast<std::byte*>(&head + 1);
}

// The two buffers of a Value above 8 bytes, of `words` 64-bit words each. On any memory.

constexpr std::uint64_t words_of(std::uint64_t bytes) noexcept {
  return (bytes + 7) / 8;
}
constexpr std::uint64_t buffer_stride(std::uint64_t bytes) noexcept {
  return (bytes + 63) / 64 * 64;
}

/// Copies the value to `out`; never a torn one as long as one writes at a time.
void read_buffered(const std::atomic<std::uint64_t>& word, const std::byte* buffers,
                   std::uint64_t bytes, void* out) noexcept;
/// Replaces the value by one store to `word`.
void write_buffered(std::atomic<std::uint64_t>& word, std::byte* buffers, std::uint64_t bytes,
                    const void* from) noexcept;

}  // namespace multiprocessing::shared
