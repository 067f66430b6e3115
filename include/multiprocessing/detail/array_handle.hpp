#pragma once

/// \file multiprocessing/detail/array_handle.hpp
/// What Array and RawArray have in common: the range of elements.
///
///   sharing   copies refer to the same elements
///   threads   elements are plain memory: whoever uses them concurrently guards them
///   ordering  none but the lock's
///   death     elements are as the dead process left them

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <ranges>
#include <span>
#include <type_traits>
#include <vector>

#include <multiprocessing/detail/codec.hpp>
#include <multiprocessing/detail/guarded.hpp>
#include <multiprocessing/errors.hpp>

namespace multiprocessing::detail {

/// The shared object, which knows no T.
class MULTIPROCESSING_API ArrayObject : public GuardedObject {
 public:
  /// `given` bytes of `content`, or zeroes where that is null.
  /// \throws ValueError if no memory could hold so many, ArenaExhausted
  ArrayObject(std::size_t item, std::size_t count, const void* content, const LockChoice& choice);
  /// \throws ValueError if the object is gone, is no Array, or its elements have another size.
  ArrayObject(HandleId id, std::size_t item);

  [[nodiscard]] void* data() const noexcept { return data_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  void* data_;
  std::size_t size_;
};

[[noreturn]] MULTIPROCESSING_API void throw_index_out_of_range(std::size_t index, std::size_t size);

/// A range to make an `Array_` of T from.
template <class R, class Array_, class T>
concept ArraySource =
    std::ranges::input_range<R> && !std::derived_from<std::remove_cvref_t<R>, Array_> &&
    std::convertible_to<std::ranges::range_reference_t<R>, T>;

/// Prints an element as Python's list would.
template <class Stream, class T>
void print_element(Stream& out, const T& element) {
  if constexpr (std::same_as<T, bool>) {
    out << (element ? "True" : "False");
  } else if constexpr (std::same_as<T, signed char> || std::same_as<T, unsigned char>) {
    out << static_cast<int>(element);
  } else if constexpr (std::same_as<T, char>) {
    out << '\'' << element << '\'';
  } else {
    out << element;
  }
}

template <class T>
// NOLINTNEXTLINE(cppcoreguidelines-special-member-functions): moving copies, as Python's names do
class ArrayHandle {
  static_assert(std::is_trivially_copyable_v<T>,
                "an Array lies in shared memory byte by byte: T must be trivially copyable (use a "
                "Manager's List for anything else)");
  static_assert(is_transferable_v<T>,
                "an Array is seen by other processes: T must hold no pointers or views");
  static_assert(alignof(T) <= 64, "elements are aligned to 64 bytes at the most");

 public:
  using multiprocessing_handle = void;
  using value_type = T;
  using size_type = std::size_t;
  using difference_type = std::ptrdiff_t;
  using reference = T&;
  using iterator = T*;

  [[nodiscard]] T& operator[](std::size_t index) const noexcept { return data()[index]; }
  /// \throws ValueError if there is no such element.
  [[nodiscard]] T& at(std::size_t index) const {
    if (index >= size()) throw_index_out_of_range(index, size());
    return data()[index];
  }

  [[nodiscard]] std::size_t size() const noexcept { return object_.size(); }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  [[nodiscard]] T* data() const noexcept { return static_cast<T*>(object_.data()); }
  [[nodiscard]] T* begin() const noexcept { return data(); }
  [[nodiscard]] T* end() const noexcept { return data() + size(); }
  [[nodiscard]] std::span<T> span() const noexcept { return {data(), size()}; }

  /// A copy of [first, last), as far as that exists, taken under the lock.
  [[nodiscard]] std::vector<T> slice(std::size_t first, std::size_t last) const {
    const GuardedObject::Scope scope(object_);
    last = std::min(last, size());
    first = std::min(first, last);
    return std::vector<T>(begin() + first, begin() + last);
  }

  [[nodiscard]] HandleId handle_id() const noexcept { return object_.id(); }
  /// Whether both are the same object.
  friend bool operator==(const ArrayHandle& a, const ArrayHandle& b) noexcept {
    return a.object_ == b.object_;
  }

  /// Prints `[1, 2, 3]`, read under the lock.
  template <class Stream>
  friend auto operator<<(Stream& out, const ArrayHandle& array)
      -> decltype(out << std::declval<const T&>(), out) {
    const std::vector<T> elements = array.slice(0, array.size());
    const char* separator = "[";
    for (const T element : elements) {
      out << separator;
      print_element(out, element);
      separator = ", ";
    }
    return out << (elements.empty() ? "[]" : "]"), out;
  }

 protected:
  friend struct GuardedHash;

  ArrayHandle(std::size_t size, const LockChoice& choice)
      : object_(sizeof(T), size, nullptr, choice) {}
  ArrayHandle(std::initializer_list<T> items, const LockChoice& choice)
      : object_(sizeof(T), items.size(), items.begin(), choice) {}
  template <std::ranges::input_range R>
  ArrayHandle(R& items, const LockChoice& choice) : object_(make(items, choice)) {}
  explicit ArrayHandle(HandleId id) : object_(id, sizeof(T)) {}
  ArrayHandle(const ArrayHandle&) = default;
  ArrayHandle& operator=(const ArrayHandle&) = default;
  ~ArrayHandle() = default;

  [[nodiscard]] const GuardedObject& object() const noexcept { return object_; }
  void require_no_lock() const { object_.require_no_lock(); }

 private:
  template <class R>
  static ArrayObject make(R& items, const LockChoice& choice) {
    if constexpr (std::is_array_v<R> && std::same_as<std::ranges::range_value_t<R>, char> &&
                  std::same_as<T, char>) {  // a literal ends with what is not part of it
      const std::size_t size = std::ranges::size(items);
      const bool literal = std::is_const_v<R> && items[size - 1] == '\0';
      return ArrayObject(sizeof(T), size - (literal ? 1 : 0), items, choice);
    } else if constexpr (std::ranges::contiguous_range<R> && std::ranges::sized_range<R> &&
                         std::same_as<std::ranges::range_value_t<R>, T>) {
      return ArrayObject(sizeof(T), std::ranges::size(items), std::ranges::data(items), choice);
    } else if constexpr (std::ranges::forward_range<R>) {
      const auto size = static_cast<std::size_t>(std::ranges::distance(items));
      ArrayObject made(sizeof(T), size, nullptr, choice);
      copy(items, static_cast<T*>(made.data()));
      return made;
    } else {
      std::vector<T> all;
      for (auto&& item : items) all.push_back(static_cast<T>(item));
      return ArrayObject(sizeof(T), all.size(), all.data(), choice);
    }
  }
  template <class R>
  static void copy(R& items, T* to) {
    for (auto&& item : items) *to++ = static_cast<T>(item);
  }

  ArrayObject object_;
};

}  // namespace multiprocessing::detail
