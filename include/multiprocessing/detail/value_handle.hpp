#pragma once

/// \file multiprocessing/detail/value_handle.hpp
/// What Value and RawValue have in common.
///
///   sharing   copies refer to the same T
///   threads   every member may be called concurrently
///   ordering  as ValueCell
///   death     as ValueCell

#include <functional>
#include <type_traits>
#include <utility>

#include <multiprocessing/detail/codec.hpp>
#include <multiprocessing/detail/guarded.hpp>
#include <multiprocessing/detail/value_cell.hpp>
#include <multiprocessing/detail/value_member.hpp>

namespace multiprocessing::detail {

template <class T>
// NOLINTNEXTLINE(cppcoreguidelines-special-member-functions): moving copies, as Python's names do
class ValueHandle {
  static_assert(std::is_trivially_copyable_v<T>,
                "a Value lies in shared memory byte by byte: T must be trivially copyable (use a "
                "Manager's Namespace, or an Array of its elements, for anything else)");
  static_assert(is_transferable_v<T>,
                "a Value is seen by other processes: T must hold no pointers or views");

 public:
  using multiprocessing_handle = void;
  using value_type = T;

  // No move: what was moved from still names the object, as in Python.
  ValueHandle(const ValueHandle& other) : value(other.value) {}
  /// Refers to the other's object from now on; the shared T does not change.
  ValueHandle& operator=(const ValueHandle& other) {
    value.cell_ = other.value.cell_;
    return *this;
  }

  /// The T in shared memory.
  ValueMember<T> value;

  [[nodiscard]] T get() const { return cell().get(); }
  void set(T to) const { cell().set(to); }

  /// Adds; returns what was there before.
  T fetch_add(T by) const { return cell().fetch_add(by); }
  /// Sets; returns what was there before.
  T exchange(T to) const {
    return cell().update([&](const T&) { return to; });
  }
  /// Sets if the value is `expected`; else `expected` becomes the value.
  bool compare_exchange(T& expected, T to) const { return cell().compare_exchange(expected, to); }

  [[nodiscard]] HandleId handle_id() const noexcept { return object().id(); }
  friend bool operator==(const ValueHandle& a, const ValueHandle& b) noexcept {
    return a.object() == b.object();
  }

 protected:
  friend struct GuardedHash;

  ValueHandle(const T& init, const LockChoice& choice) : value(ValueCell<T>(init, choice)) {}
  explicit ValueHandle(HandleId id) : value(ValueCell<T>(id)) {}
  ~ValueHandle() = default;

  [[nodiscard]] const ValueObject& object() const noexcept { return cell().object(); }
  void require_no_lock() const { object().require_no_lock(); }

  template <class F>
  decltype(auto) modify(F&& f) const {
    T copy = cell().get();
    if constexpr (std::is_void_v<std::invoke_result_t<F, T&>>) {
      std::invoke(std::forward<F>(f), copy);
      cell().set(copy);
    } else {
      auto result = std::invoke(std::forward<F>(f), copy);
      cell().set(copy);
      return result;
    }
  }

 private:
  [[nodiscard]] const ValueCell<T>& cell() const noexcept { return value.cell_; }
};

}  // namespace multiprocessing::detail
