#pragma once

/// \file multiprocessing/detail/value_cell.hpp
/// The T in shared memory behind Value and RawValue.
///
///   sharing   copies refer to the same T
///   threads   see `update`
///   ordering  a get sees what was written before the set that it read
///   death     every write is published by one store: old or new, never torn
///
/// A T of up to 8 bytes is one 64-bit word, whose spare bytes mean nothing; it can be updated
/// without a lock. A wider one has two buffers, of which a counter names the valid one.

#include <atomic>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include <multiprocessing/detail/guarded.hpp>
#include <multiprocessing/errors.hpp>

namespace multiprocessing::detail {

/// The shared object, which knows no T.
class MULTIPROCESSING_API ValueObject : public GuardedObject {
 public:
  ValueObject(const void* value, std::size_t size, const LockChoice& choice);
  /// \throws ValueError if the object is gone, is no Value, or its T has another size.
  ValueObject(HandleId id, std::size_t size);

  /// The word of a T of up to 8 bytes.
  [[nodiscard]] std::atomic_ref<std::uint64_t> word() const noexcept {
    return std::atomic_ref<std::uint64_t>(*word_);
  }
  /// A wider T. One writes at a time; a read is whole however many read and write.
  void read(void* out) const noexcept;
  void write(const void* from) const noexcept;

 private:
  std::uint64_t* word_;
  std::size_t size_;
};

/// Whether two T that are equal have equal bytes, and the reverse: compare_exchange compares those.
template <class T>
inline constexpr bool kComparedByBytes =
    std::has_unique_object_representations_v<T> || std::is_floating_point_v<T>;

template <class T>
class ValueCell {
 public:
  static constexpr bool kSmall = sizeof(T) <= sizeof(std::uint64_t);

  ValueCell(const T& value, const LockChoice& choice) : object_(&value, sizeof(T), choice) {}
  explicit ValueCell(HandleId id) : object_(id, sizeof(T)) {}

  [[nodiscard]] const ValueObject& object() const noexcept { return object_; }

  [[nodiscard]] T get() const {
    const GuardedObject::Scope scope(object_);
    return read();
  }

  void set(const T& value) const {
    const GuardedObject::Scope scope(object_);
    write(value);
  }

  /// Replaces the value v by f(v), as one step for all who use the lock; returns v. Without a lock
  /// it is one step for a T of up to 8 bytes (`f` may run several times) and two for a wider one.
  template <class F>
  T update(F&& f) const {
    const GuardedObject::Scope scope(object_);
    if constexpr (kSmall) {
      if (!object_.has_lock()) return update_lock_free(f);
    }
    const T old = read();
    write(f(old));
    return old;
  }

  T fetch_add(const T& by) const {
    if constexpr (kSmall && std::integral<T>) {
      // Carries into the spare bytes, which mean nothing.
      // acq_rel: a counter passes on what was written before each of its steps.
      if (!object_.has_lock()) {
        return decode(object_.word().fetch_add(encode(by), std::memory_order_acq_rel));
      }
    }
    return update([&](const T& old) { return static_cast<T>(old + by); });
  }

  bool compare_exchange(T& expected, const T& desired) const {
    const GuardedObject::Scope scope(object_);
    if constexpr (kSmall) {
      std::uint64_t word = object_.word().load(std::memory_order_acquire);  // [V]
      while (same(decode(word), expected)) {
        if (exchanged(word, encode(desired))) return true;
      }
      expected = decode(word);
      return false;
    } else {
      const T old = read();
      if (same(old, expected)) {
        write(desired);
        return true;
      }
      expected = old;
      return false;
    }
  }

 private:
  /// Room for a T, which need not be default-constructible, to be filled byte by byte.
  union Room {
    Room() noexcept {}
    T value;
  };

  static std::uint64_t encode(const T& value) noexcept {
    std::uint64_t word = 0;
    std::memcpy(&word, &value, sizeof(T));
    return word;
  }
  static T decode(std::uint64_t word) noexcept {
    Room room;
    std::memcpy(static_cast<void*>(&room.value), &word, sizeof(T));
    return room.value;
  }
  static bool same(const T& a, const T& b) noexcept {
    if constexpr (kComparedByBytes<T> || !std::equality_comparable<T>) {
      return std::memcmp(&a, &b, sizeof(T)) == 0;
    } else {
      return a == b;
    }
  }

  [[nodiscard]] T read() const {
    if constexpr (kSmall) {
      return decode(object_.word().load(std::memory_order_acquire));  // [V]
    } else {
      Room room;
      object_.read(&room.value);
      return room.value;
    }
  }
  void write(const T& value) const {
    if constexpr (kSmall) {
      object_.word().store(encode(value), std::memory_order_release);  // [V]
    } else {
      object_.write(&value);
    }
  }
  bool exchanged(std::uint64_t& word, std::uint64_t desired) const noexcept {
    return object_.word().compare_exchange_weak(word, desired, std::memory_order_acq_rel,
                                                std::memory_order_acquire);  // [V]
  }

  template <class F>
  T update_lock_free(F& f) const {
    std::uint64_t word = object_.word().load(std::memory_order_acquire);  // [V]
    while (!exchanged(word, encode(f(decode(word))))) {
    }
    return decode(word);
  }

  ValueObject object_;
};

}  // namespace multiprocessing::detail
