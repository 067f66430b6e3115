#pragma once

/// \file multiprocessing/sharedctypes.hpp
/// Plain values and arrays in shared memory.
///
/// Mirrors `multiprocessing.Value`, `Array`, `RawValue` and `RawArray`; detail/shared.hpp brings
/// Shared.
///
///   sharing   copies refer to the same memory; capture one, pass it, or send it anywhere
///   threads   every member may be called concurrently; the elements of an array are the user's to
///             guard, with `get_lock()` or otherwise
///   ordering  what was written before a set is visible after a get that read it
///   death     a process killed in any member leaves the old value or the new one, and its lock to
///             the next who wants it, silently; a death in mid-write of an element is the user's
///
/// \code
///   multiprocessing::Value<double> number(0.0);
///   multiprocessing::Array<int> squares(10);
///   multiprocessing::Process child([number, squares] {
///     number.value = 3.1415927;
///     for (int& x : squares) x *= x;
///   });
/// \endcode

#include <multiprocessing/detail/transferable.hpp>  // first: fewer lines in the compiler's messages

#include <concepts>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <mutex>
#include <ranges>
#include <type_traits>
#include <utility>

#include <multiprocessing/detail/array_handle.hpp>
#include <multiprocessing/detail/shared.hpp>
#include <multiprocessing/detail/value_handle.hpp>
#include <multiprocessing/detail/vocabulary.hpp>
#include <multiprocessing/synchronize.hpp>

namespace multiprocessing {

/// A T behind a recursive lock: every operation takes it, for that operation only.
///
/// The member `value` reads and writes like a T: `v.value = 3.14; double x = v.value; v.value +=
/// 1`. Unlike in Python, each of these is one locked operation, `+=` included.
template <class T>
class Value : public detail::ValueHandle<T> {
 public:
  Value() : Value(T{}) {}
  explicit Value(T init) : detail::ValueHandle<T>(init, detail::LockChoice()) {}
  /// Uses `lock`, which may be that of another Value: `get_lock()`. \throws ArenaExhausted
  Value(T init, const RLock& lock) : detail::ValueHandle<T>(init, lock) {}
  /// The same; but whoever holds a plain `lock` waits for itself in each operation, as in Python.
  Value(T init, const Lock& lock) : detail::ValueHandle<T>(init, lock) {}
  /// Without a lock, as a RawValue.
  Value(T init, NoLock none) : detail::ValueHandle<T>(init, none) {}

  /// The lock, to make several operations one; each of them takes it again.
  /// `std::lock_guard guard(v.get_lock());` \throws ValueError if there is none.
  [[nodiscard]] const RLock& get_lock() const& { return this->object().get_lock(); }
  [[nodiscard]] RLock get_lock() && { return this->object().get_lock(); }

  /// Calls f(T&) under the lock, on a copy that replaces the value when `f` has returned: what `f`
  /// changes is seen all at once, or not at all if it throws or its process dies. Returns what `f`
  /// returns. `f` must not use this Value otherwise.
  template <std::invocable<T&> F>
  decltype(auto) with_lock(F&& f) const {
    const std::lock_guard guard(get_lock());
    return this->modify(std::forward<F>(f));
  }

  static Value from_handle_id(detail::HandleId id) { return Value(id); }

 private:
  explicit Value(detail::HandleId id) : detail::ValueHandle<T>(id) {}
};

/// A T without a lock. Up to 8 bytes, every operation is atomic and lock-free. Wider ones: one
/// process at a time may write; reads are whole nevertheless.
template <class T>
class RawValue : public detail::ValueHandle<T> {
 public:
  RawValue() : RawValue(T{}) {}
  explicit RawValue(T init) : detail::ValueHandle<T>(init, no_lock) {}

  /// \throws ValueError if it is that of a Value with a lock.
  static RawValue from_handle_id(detail::HandleId id) { return RawValue(id); }

 private:
  explicit RawValue(detail::HandleId id) : detail::ValueHandle<T>(id) { this->require_no_lock(); }
};

/// A fixed number of T in a row, with a recursive lock beside them. A contiguous range: algorithms
/// work on it. Access to an element takes no lock; `slice` and printing do.
template <class T>
class Array : public detail::ArrayHandle<T> {
  using Elements = detail::ArrayHandle<T>;

 public:
  /// `size` zeroes. \throws ArenaExhausted
  explicit Array(std::size_t size) : Elements(size, {}) {}
  Array(std::size_t size, const RLock& lock) : Elements(size, lock) {}
  Array(std::size_t size, const Lock& lock) : Elements(size, lock) {}
  Array(std::size_t size, NoLock none) : Elements(size, none) {}

  Array(std::initializer_list<T> items) : Elements(items, {}) {}
  Array(std::initializer_list<T> items, const RLock& lock) : Elements(items, lock) {}
  Array(std::initializer_list<T> items, const Lock& lock) : Elements(items, lock) {}
  Array(std::initializer_list<T> items, NoLock none) : Elements(items, none) {}

  template <detail::ArraySource<Array, T> R>
  explicit Array(R&& items) : Elements(items, {}) {}
  template <detail::ArraySource<Array, T> R>
  Array(R&& items, const RLock& lock) : Elements(items, lock) {}
  template <detail::ArraySource<Array, T> R>
  Array(R&& items, const Lock& lock) : Elements(items, lock) {}
  template <detail::ArraySource<Array, T> R>
  Array(R&& items, NoLock none) : Elements(items, none) {}

  /// \throws ValueError if there is none.
  [[nodiscard]] const RLock& get_lock() const& { return this->object().get_lock(); }
  [[nodiscard]] RLock get_lock() && { return this->object().get_lock(); }
  [[nodiscard]] bool has_lock() const noexcept { return this->object().has_lock(); }

  static Array from_handle_id(detail::HandleId id) { return Array(id); }

 private:
  explicit Array(detail::HandleId id) : Elements(id) {}
};

template <std::ranges::input_range R>
Array(R&&) -> Array<std::ranges::range_value_t<R>>;
template <std::ranges::input_range R, class Lock>
Array(R&&, Lock) -> Array<std::ranges::range_value_t<R>>;

/// An Array without a lock.
template <class T>
class RawArray : public detail::ArrayHandle<T> {
 public:
  /// `size` zeroes. \throws ArenaExhausted
  explicit RawArray(std::size_t size) : detail::ArrayHandle<T>(size, no_lock) {}
  RawArray(std::initializer_list<T> items) : detail::ArrayHandle<T>(items, no_lock) {}
  template <detail::ArraySource<RawArray, T> R>
  explicit RawArray(R&& items) : detail::ArrayHandle<T>(items, no_lock) {}

  /// \throws ValueError if it is that of an Array with a lock.
  static RawArray from_handle_id(detail::HandleId id) { return RawArray(id); }

 private:
  explicit RawArray(detail::HandleId id) : detail::ArrayHandle<T>(id) { this->require_no_lock(); }
};

template <std::ranges::input_range R>
RawArray(R&&) -> RawArray<std::ranges::range_value_t<R>>;

}  // namespace multiprocessing

// NOLINTBEGIN(cert-dcl58-cpp): specializations for types of our own
template <class T>
struct std::hash<multiprocessing::Value<T>> : multiprocessing::detail::GuardedHash {};
template <class T>
struct std::hash<multiprocessing::RawValue<T>> : multiprocessing::detail::GuardedHash {};
template <class T>
struct std::hash<multiprocessing::Array<T>> : multiprocessing::detail::GuardedHash {};
template <class T>
struct std::hash<multiprocessing::RawArray<T>> : multiprocessing::detail::GuardedHash {};
// NOLINTEND(cert-dcl58-cpp)
