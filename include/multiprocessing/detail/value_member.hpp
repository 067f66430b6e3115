#pragma once

/// \file multiprocessing/detail/value_member.hpp
/// The member `value` of a Value: it reads and writes like the T in shared memory.
///
///   sharing   belongs to its Value
///   threads   each read, assignment and compound assignment is one locked operation
///   ordering  as Value
///   death     as Value

#include <cstddef>
#include <type_traits>

#include <multiprocessing/detail/value_cell.hpp>

namespace multiprocessing::detail {

template <class T>
// NOLINTNEXTLINE(cppcoreguidelines-special-member-functions): moving copies, as Python's names do
class ValueMember {
 public:
  /// Reads.
  operator T() const { return cell_.get(); }  // NOLINT(google-explicit-constructor)

  /// Writes; the shared T changes, not this name of it, and so it is const.
  // NOLINTBEGIN(misc-unconventional-assign-operator)
  const ValueMember& operator=(const T& value) const {
    cell_.set(value);
    return *this;
  }
  const ValueMember& operator=(const ValueMember& other) const {
    cell_.set(other.cell_.get());
    return *this;
  }
  // NOLINTEND(misc-unconventional-assign-operator)
  ~ValueMember() = default;

  const ValueMember& operator+=(const T& by) const {
    return change([&](const T& a) { return static_cast<T>(a + by); });
  }
  const ValueMember& operator-=(const T& by) const {
    return change([&](const T& a) { return static_cast<T>(a - by); });
  }
  const ValueMember& operator*=(const T& by) const {
    return change([&](const T& a) { return static_cast<T>(a * by); });
  }
  const ValueMember& operator/=(const T& by) const {
    return change([&](const T& a) { return static_cast<T>(a / by); });
  }
  const ValueMember& operator%=(const T& by) const {
    return change([&](const T& a) { return static_cast<T>(a % by); });
  }
  const ValueMember& operator&=(const T& by) const {
    return change([&](const T& a) { return static_cast<T>(a & by); });
  }
  const ValueMember& operator|=(const T& by) const {
    return change([&](const T& a) { return static_cast<T>(a | by); });
  }
  const ValueMember& operator^=(const T& by) const {
    return change([&](const T& a) { return static_cast<T>(a ^ by); });
  }
  const ValueMember& operator<<=(const T& by) const {
    return change([&](const T& a) { return static_cast<T>(a << by); });
  }
  const ValueMember& operator>>=(const T& by) const {
    return change([&](const T& a) { return static_cast<T>(a >> by); });
  }

  const ValueMember& operator++() const {
    return change([](T a) { return ++a; });
  }
  const ValueMember& operator--() const {
    return change([](T a) { return --a; });
  }
  T operator++(int) const {
    return cell_.update([](T a) { return ++a; });
  }
  T operator--(int) const {
    return cell_.update([](T a) { return --a; });
  }

  template <class Stream>
  friend auto operator<<(Stream& out, const ValueMember& member)
      -> decltype(out << std::declval<const T&>()) {
    return out << member.cell_.get();
  }

 private:
  template <class U>
  friend class ValueHandle;

  explicit ValueMember(const ValueCell<T>& cell) : cell_(cell) {}
  // Private: `auto x = v.value` would be no copy of the T. The compiler shows the next line.
  ValueMember(const ValueMember&) = default;  // instead of auto, write: T x = v.value, or v.get()

  template <class F>
  const ValueMember& change(F f) const {
    cell_.update(f);
    return *this;
  }

  ValueCell<T> cell_;
};

}  // namespace multiprocessing::detail
