#pragma once

/// \file multiprocessing/detail/set.hpp
/// A set that all processes of a family share: part of `multiprocessing/managers.hpp`.
///
///   sharing   copies refer to the same set; it goes when the last handle in the last living
///             process goes
///   threads   every member may be called concurrently from any thread
///   ordering  what was written before an element was added is visible after a look that found it
///   death     a process killed in any member leaves each element in or out, and blocks nobody
///
/// \code
///   auto seen = manager.set<std::string>();
///   if (seen.add(url)) fetch(url);  // one process does
/// \endcode

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <ostream>
#include <ranges>
#include <set>
#include <type_traits>
#include <utility>
#include <vector>

#include <multiprocessing/detail/dict_bytes.hpp>
#include <multiprocessing/detail/dict_codec.hpp>
#include <multiprocessing/detail/dict_iterator.hpp>
#include <multiprocessing/detail/dict_repr.hpp>
#include <multiprocessing/detail/list_codec.hpp>
#include <multiprocessing/errors.hpp>

namespace multiprocessing {

/// A set in shared memory. Looking takes no lock. What concerns one element is one atomic step;
/// what concerns several is one step each, in no order.
///
/// Two elements are the same if their encoded bytes are.
template <class T>
class Set {
  using Element = detail::dict_key_t<T>;

 public:
  using multiprocessing_handle = void;
  using value_type = T;
  /// What a copy is: ordered where elements have an order.
  using Copy = std::conditional_t<std::totally_ordered<T>, std::set<T>, std::vector<T>>;

  /// Makes an empty set. \throws ArenaExhausted, as everything that adds
  Set() { detail::require_transferable<T>(); }
  Set(std::initializer_list<T> items) : Set() { update(items); }
  template <detail::RangeOf<T> R>
    requires(!std::same_as<std::remove_cvref_t<R>, Set>)
  explicit Set(R&& items) : Set() {
    update(std::forward<R>(items));
  }

  /// True: it was not there before.
  bool add(Element element) const {  // NOLINT(modernize-use-nodiscard)
    const detail::DictEncoded<T> key(element);
    detail::DictClaim claim(bytes_, key.bytes());
    detail::DictBytes value;
    if (claim.read(value)) return false;
    // The value holds what the element refers to.
    claim.write(key.handles().empty() ? std::span<const std::byte>() : key.bytes(), key.handles());
    return true;
  }
  /// True: it was there.
  bool discard(Element element) const {  // NOLINT(modernize-use-nodiscard)
    return bytes_.erase(detail::DictEncoded<T>(element).bytes());
  }
  /// \throws KeyError naming an element that is not there
  void remove(Element element) const {
    if (!discard(element))
      throw KeyError(detail::repr(element) + " is not in the set: discard() does not mind");
  }
  /// Removes some element, returns it. \throws KeyError if there is none
  T pop() const {
    for (detail::DictWalk walk(bytes_, true); !walk.done(); walk.step()) {
      T element = walk.key<T>();
      if (discard(element)) return element;
    }
    throw KeyError("pop from an empty set: ask empty() first");
  }
  void clear() const { bytes_.clear(); }

  [[nodiscard]] bool contains(Element element) const {
    return bytes_.contains(detail::DictEncoded<T>(element).bytes());
  }
  /// Exact when nobody writes.
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  [[nodiscard]] bool empty() const { return size() == 0; }
  /// Each element that is there throughout is in it; it is of no single moment.
  [[nodiscard]] Copy copy() const {
    Copy all;
    for (detail::DictWalk walk(bytes_, true); !walk.done(); walk.step()) {
      all.insert(all.end(), walk.key<T>());
    }
    return all;
  }

  template <detail::RangeOf<T> R>
  void update(R&& items) const {
    for (auto&& item : items) add(static_cast<T>(item));
  }
  void update(std::initializer_list<T> items) const {
    for (const T& item : items) add(item);
  }
  template <detail::RangeOf<T> R>
  void difference_update(R&& items) const {
    for (auto&& item : items) discard(static_cast<T>(item));
  }
  template <detail::RangeOf<T> R>
  void intersection_update(R&& items) const {
    const Set wanted(detail::to_vector<T>(std::forward<R>(items)));
    for (const T& element : copy()) {
      if (!wanted.contains(element)) discard(element);
    }
  }
  template <detail::RangeOf<T> R>
  void symmetric_difference_update(R&& items) const {
    for (const T& item : Set(detail::to_vector<T>(std::forward<R>(items))).copy()) {
      if (!discard(item)) add(item);
    }
  }
  // `&`, `|` and their like take any range of elements; `==` says whether it is the same set.
  template <detail::RangeOf<T> R>
  const Set& operator|=(R&& items) const {
    update(std::forward<R>(items));
    return *this;
  }
  template <detail::RangeOf<T> R>
  const Set& operator&=(R&& items) const {
    intersection_update(std::forward<R>(items));
    return *this;
  }
  template <detail::RangeOf<T> R>
  const Set& operator-=(R&& items) const {
    difference_update(std::forward<R>(items));
    return *this;
  }
  template <detail::RangeOf<T> R>
  const Set& operator^=(R&& items) const {
    symmetric_difference_update(std::forward<R>(items));
    return *this;
  }
  template <detail::RangeOf<T> R>
  friend Copy operator|(const Set& set, R&& items) {
    return changed(set, [&](const Set& copy) { copy |= std::forward<R>(items); });
  }
  template <detail::RangeOf<T> R>
  friend Copy operator&(const Set& set, R&& items) {
    return changed(set, [&](const Set& copy) { copy &= std::forward<R>(items); });
  }
  template <detail::RangeOf<T> R>
  friend Copy operator-(const Set& set, R&& items) {
    return changed(set, [&](const Set& copy) { copy -= std::forward<R>(items); });
  }
  template <detail::RangeOf<T> R>
  friend Copy operator^(const Set& set, R&& items) {
    return changed(set, [&](const Set& copy) { copy ^= std::forward<R>(items); });
  }

  template <detail::RangeOf<T> R>
  [[nodiscard]] bool issuperset(R&& items) const {
    return std::ranges::all_of(items, [this](const T& item) { return contains(item); });
  }
  template <detail::RangeOf<T> R>
  [[nodiscard]] bool isdisjoint(R&& items) const {
    return std::ranges::none_of(items, [this](const T& item) { return contains(item); });
  }
  template <detail::RangeOf<T> R>
  [[nodiscard]] bool issubset(R&& items) const {
    return Set(detail::to_vector<T>(std::forward<R>(items))).issuperset(copy());
  }
  friend bool operator<=(const Set& a, const Set& b) { return b.issuperset(a.copy()); }
  friend bool operator>=(const Set& a, const Set& b) { return b <= a; }
  friend bool operator<(const Set& a, const Set& b) { return a <= b && !(b <= a); }
  friend bool operator>(const Set& a, const Set& b) { return b < a; }

  /// Each element that is there throughout is seen once.
  [[nodiscard]] detail::DictIterator<T> begin() const { return detail::DictIterator<T>(bytes_); }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

  /// True if both are the same set.
  friend bool operator==(const Set& a, const Set& b) noexcept {
    return a.bytes_.handle() == b.bytes_.handle();
  }
  /// {1, 2, 3}, or set()
  friend std::ostream& operator<<(std::ostream& out, const Set& set) {
    const Copy all = set.copy();
    if (all.empty()) return out << "set()";
    detail::write_repr_of_range(out, "{}", all,
                                [&](const T& element) { detail::write_repr(out, element); });
    return out;
  }

  [[nodiscard]] detail::HandleId handle_id() const noexcept { return bytes_.id(); }
  static Set from_handle_id(detail::HandleId id) { return Set(detail::ByteDict(id)); }

 private:
  explicit Set(detail::ByteDict bytes) noexcept : bytes_(std::move(bytes)) {}

  template <class F>
  static Copy changed(const Set& set, F f) {
    const Set copy(set.copy());
    f(copy);
    return copy.copy();
  }

  detail::ByteDict bytes_;
};

}  // namespace multiprocessing

// NOLINTBEGIN(cert-dcl58-cpp): a specialization for a type of our own
template <class T>
struct std::hash<multiprocessing::Set<T>> {
  std::size_t operator()(const multiprocessing::Set<T>& set) const noexcept {
    return std::hash<std::uint64_t>{}(set.handle_id().value);
  }
};
// NOLINTEND(cert-dcl58-cpp)
