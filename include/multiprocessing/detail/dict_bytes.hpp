#pragma once

/// \file multiprocessing/detail/dict_bytes.hpp
/// A Dict below its types: keys and values are bytes, handles in values are listed beside them.
///
///   sharing   a ByteDict is a handle; copies refer to the same table in shared memory
///   threads   every function may be called concurrently
///   ordering  what was written before a set is seen after a get that returned its value
///   death     a process killed inside any function leaves the key with its old or its new value;
///             the next writer of its bucket, or a reader in need, finishes what it left

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <multiprocessing/detail/codec_stream.hpp>
#include <multiprocessing/detail/export.hpp>
#include <multiprocessing/detail/handle.hpp>

namespace multiprocessing::shared {
struct DictState;
}  // namespace multiprocessing::shared

namespace multiprocessing::detail {

/// Bytes copied out of a dict, and holds on the objects that they name. Up to 128 bytes stay
/// inside.
class DictBytes {
 public:
  DictBytes() noexcept = default;
  ~DictBytes() = default;
  DictBytes(const DictBytes&) = delete;
  DictBytes& operator=(const DictBytes&) = delete;

  [[nodiscard]] const std::byte* data() const noexcept { return data_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::span<const std::byte> view() const noexcept { return {data_, size_}; }

  /// Room for `size` bytes, rounded up to whole words. What was there is kept.
  std::byte* resize(std::size_t size) {
    if (size > capacity_) grow(size);
    size_ = size;
    return data_;
  }
  void pin(Handle handle) { pins_.push_back(std::move(handle)); }
  void clear() noexcept {
    size_ = 0;
    pins_.clear();
  }

 private:
  struct alignas(64) Line {
    std::array<std::byte, 64> bytes;
  };

  using Lines = std::unique_ptr<Line[]>;  // NOLINT(modernize-avoid-c-arrays): counted at run time

  void grow(std::size_t size) {
    const std::size_t lines = (std::max(size, 2 * capacity_) + sizeof(Line) - 1) / sizeof(Line);
    Lines larger(new Line[lines]);  // not zeroed
    std::memcpy(larger[0].bytes.data(), data_, size_);
    heap_ = std::move(larger);
    data_ = heap_[0].bytes.data();
    capacity_ = lines * sizeof(Line);
  }

  alignas(64) std::array<std::byte, 128> inside_;  // not zeroed: it is written before it is read
  std::byte* data_ = reinterpret_cast<std::byte*>(&inside_);
  std::size_t size_ = 0;
  std::size_t capacity_ = sizeof inside_;
  Lines heap_;
  std::vector<Handle> pins_;
};

/// The entries of one leaf, as they were at one moment.
struct DictSnapshot {
  struct Entry {
    std::size_t key_at, key_size, value_at, value_size;
  };
  std::vector<Entry> entries;
  DictBytes bytes;

  void clear() noexcept {
    entries.clear();
    bytes.clear();
  }

  [[nodiscard]] std::span<const std::byte> key(std::size_t i) const noexcept {
    return bytes.view().subspan(entries[i].key_at, entries[i].key_size);
  }
  [[nodiscard]] std::span<const std::byte> value(std::size_t i) const noexcept {
    return bytes.view().subspan(entries[i].value_at, entries[i].value_size);
  }
};

/// Where an iteration stands.
struct DictCursor {
  std::uint64_t at = 0;
  bool done = false;
};

class MULTIPROCESSING_API ByteDict {
 public:
  using Bytes = std::span<const std::byte>;

  /// Makes an empty dict. \throws ArenaExhausted
  ByteDict();
  /// \throws ValueError if the object is gone or is no dict
  explicit ByteDict(HandleId id);

  [[nodiscard]] HandleId id() const noexcept { return {handle_.id()}; }
  [[nodiscard]] const Handle& handle() const noexcept { return handle_; }

  /// Copies the key's value. False: it is not there. Takes no lock, unless the value has handles.
  bool get(Bytes key, DictBytes& out) const;
  [[nodiscard]] bool contains(Bytes key) const;
  /// \throws ArenaExhausted; ValueError in a function that modifies this dict
  void set(Bytes key, Bytes value, std::span<const HandleId> handles) const;
  bool erase(Bytes key) const;
  void clear() const;
  [[nodiscard]] std::size_t size() const;

  /// The next leaf's entries, in no order; `cursor.done` after the last. A key that is there
  /// throughout is in exactly one snapshot.
  void next(DictCursor& cursor, bool values, DictSnapshot& out) const;

 private:
  friend class DictClaim;
  [[nodiscard]] shared::DictState& state() const;

  Handle handle_;
  shared::DictState* state_ = nullptr;
};

/// A key that no other thread or process can write to until this goes.
class MULTIPROCESSING_API DictClaim {
 public:
  /// Waits for other writers. `key` must outlive the claim.
  /// \throws ValueError in a function that modifies the same dict
  DictClaim(const ByteDict& dict, ByteDict::Bytes key);
  ~DictClaim();
  DictClaim(const DictClaim&) = delete;
  DictClaim& operator=(const DictClaim&) = delete;

  /// Copies the value; what its handles name lives as long as the entry stays.
  bool read(DictBytes& out);
  /// \throws ArenaExhausted, ValueError if a handle is gone; nothing has changed then
  void write(ByteDict::Bytes value, std::span<const HandleId> handles);
  bool erase();

 private:
  static constexpr std::size_t kRoom = 320;
  alignas(64) std::array<std::byte, kRoom> room_;  // a shared::Session and a shared::Busy
};

}  // namespace multiprocessing::detail
