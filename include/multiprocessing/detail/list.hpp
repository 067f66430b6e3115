#pragma once

/// \file multiprocessing/detail/list.hpp
/// A list that all processes of a family share: part of `multiprocessing/managers.hpp`.
///
///   sharing   copies refer to the same list; it goes when the last handle in the last living
///             process goes. Handles, other Lists and Dicts too, may be its elements
///   threads   every member may be called concurrently from any thread
///   ordering  what was written before an element was put in is visible after a read that found it
///   death     a process killed in any member leaves the list as before the call or as after it,
///             and blocks nobody
///
/// \code
///   auto squares = manager.list<int>(range(10));
///   squares[-1] += 1;                   // one step
///   for (int square : squares) ...;     // sees what others append meanwhile
///   std::cout << squares;               // [0, 1, 2, 3, 4, 5, 6, 7, 8, 10]
/// \endcode

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <limits>
#include <numeric>
#include <optional>
#include <ostream>
#include <ranges>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <multiprocessing/detail/dict_element.hpp>
#include <multiprocessing/detail/dict_repr.hpp>
#include <multiprocessing/detail/list_bytes.hpp>
#include <multiprocessing/detail/list_codec.hpp>
#include <multiprocessing/detail/list_elements.hpp>
#include <multiprocessing/errors.hpp>

namespace multiprocessing {

/// A list in shared memory. Reading takes no lock; every function below is one atomic step.
///
/// Elements are copied in and out: changing what `at` returned changes nothing in the list (use
/// `modify`, or put handles into it). Negative indices count from the end, as in Python. Appending
/// and taking from the end are O(1), elsewhere O(n) words are moved.
template <class T>
class List {
 public:
  using multiprocessing_handle = void;
  using key_type = std::ptrdiff_t;
  using mapped_type = T;
  using value_type = T;
  using Index = std::ptrdiff_t;

  static constexpr Index npos = std::numeric_limits<Index>::max();

  /// Makes an empty list. \throws ArenaExhausted, as everything that adds
  List() : bytes_(detail::kListItem<T>) { detail::require_transferable<T>(); }
  List(std::initializer_list<T> items) : List() { extend(items); }
  template <detail::RangeOf<T> R>
    requires(!std::same_as<std::remove_cvref_t<R>, List>)
  explicit List(R&& items) : List() {
    extend(std::forward<R>(items));
  }

  /// An element, to read, assign or change: `l[0] = v; T v = l[0]; l[-1] += 1`. Each is one step.
  /// \throws ValueError if there is none
  detail::DictElement<List> operator[](Index index) const& { return {*this, index}; }
  detail::DictElement<List> operator[](Index index) && { return {std::move(*this), index}; }

  /// \throws ValueError if there is none
  [[nodiscard]] T at(Index index) const {
    detail::DictBytes bytes;
    if (!bytes_.get(index, bytes)) detail::throw_no_element("list index", index);
    return detail::decode_dict<T>(bytes.view());
  }
  void set(Index index, const T& value) const {
    const detail::ListEncoded<T> content(value);
    detail::ListClaim claim(bytes_);
    Elements::replace(claim, detail::place_of(claim, index, "list assignment index"), content);
  }
  /// Calls f(T&) on a copy of the element, and sets it when `f` has returned; nobody else can write
  /// to the list meanwhile. Returns what `f` returns. If `f` throws or its process dies, nothing
  /// has changed. \throws ValueError if there is no such element, also after `f`
  template <std::invocable<T&> F>
  auto modify(Index index, F&& f) const {
    detail::ListClaim claim(bytes_);
    T value = Elements::element(claim, detail::place_of(claim, index, "list index"));
    const auto write = [&] {
      const detail::ListEncoded<T> content(value);
      Elements::replace(claim, detail::place_of(claim, index, "list index"), content);
    };
    if constexpr (std::is_void_v<std::invoke_result_t<F, T&>>) {
      std::invoke(std::forward<F>(f), value);
      write();
    } else {
      auto result = std::invoke(std::forward<F>(f), value);
      write();
      return result;
    }
  }

  void append(const T& value) const {
    const detail::ListEncoded<T> content(value);
    detail::ListClaim claim(bytes_);
    claim.stage(content.bytes(), content.handles());
    claim.splice(claim.size(), claim.size());
  }
  /// All of them appear together.
  template <detail::RangeOf<T> R>
  void extend(R&& items) const {
    set_slice(npos, npos, std::forward<R>(items));
  }
  void extend(std::initializer_list<T> items) const { set_slice(npos, npos, items); }
  void extend(const List& other) const { extend(other.copy()); }
  template <class R>
  const List& operator+=(R&& items) const {
    extend(std::forward<R>(items));
    return *this;
  }
  const List& operator+=(std::initializer_list<T> items) const {
    extend(items);
    return *this;
  }
  /// Repeats what is there; less than once: clears.
  const List& operator*=(int times) const {
    detail::ListClaim claim(bytes_);
    const std::vector<T> once = Elements::elements(claim, 0, claim.size());
    if (times < 1) claim.splice(0, claim.size());
    for (int i = 1; i < times; ++i) Elements::stage_all(claim, Elements::encoded(once));
    if (times > 1) claim.splice(claim.size(), claim.size());
    return *this;
  }
  /// Before the element at `index`; beyond the ends: at the end.
  void insert(Index index, const T& value) const {
    set_slice(index, index, std::initializer_list<T>{value});
  }

  /// Removes an element, returns it. \throws ValueError if there is none
  T pop(Index index = -1) const {
    detail::ListClaim claim(bytes_);
    if (claim.size() == 0) throw ValueError("pop from empty list");
    const std::size_t place = detail::place_of(claim, index, "pop index");
    T value = Elements::element(claim, place);
    claim.splice(place, place + 1);
    return value;
  }
  /// Removes the first element that equals `value`. \throws ValueError if none does
  void remove(const T& value) const
    requires std::equality_comparable<T>
  {
    detail::ListClaim claim(bytes_);
    const std::optional<std::size_t> place = Elements::find(claim, value, 0, claim.size());
    if (!place) throw ValueError("list.remove(x): x not in list");
    claim.splice(*place, *place + 1);
  }
  /// Removes [first, last), as `del l[first:last]`; returns how many there were.
  std::size_t erase(Index first, Index last) const {
    detail::ListClaim claim(bytes_);
    const auto [from, to] = detail::range_of(claim.size(), first, last);
    claim.splice(from, to);
    return to - from;
  }
  void erase(Index index) const {
    detail::ListClaim claim(bytes_);
    const std::size_t place = detail::place_of(claim, index, "list assignment index");
    claim.splice(place, place + 1);
  }
  void clear() const { erase(0, npos); }

  /// The first element between `first` and `last` that equals `value`.
  /// \throws ValueError if none does
  [[nodiscard]] std::size_t index(const T& value, Index first = 0, Index last = npos) const
    requires std::equality_comparable<T>
  {
    const std::vector<T> all = copy();
    const auto [from, to] = detail::range_of(all.size(), first, last);
    for (std::size_t i = from; i < to; ++i) {
      if (all[i] == value) return i;
    }
    throw ValueError(detail::repr(value) + " is not in list");
  }
  [[nodiscard]] std::size_t count(const T& value) const
    requires std::equality_comparable<T>
  {
    return static_cast<std::size_t>(std::ranges::count(copy(), value));
  }
  [[nodiscard]] bool contains(const T& value) const
    requires std::equality_comparable<T>
  {
    return count(value) != 0;
  }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  [[nodiscard]] bool empty() const { return size() == 0; }
  /// `less` is called with copies, while nobody else can write. Equal elements keep their order.
  /// \throws what `less` throws, ValueError if it changed the list; nothing has changed then
  template <class Less = std::less<>>
  void sort(Less less = {}) const {
    detail::ListClaim claim(bytes_);
    const std::vector<T> all = Elements::elements(claim, 0, claim.size());
    const std::uint64_t version = claim.version();
    std::vector<std::uint64_t> order(all.size());
    std::iota(order.begin(), order.end(), std::uint64_t{0});
    std::ranges::sort(order, [&](std::uint64_t a, std::uint64_t b) {  // by position where equal
      return std::invoke(less, all[a], all[b]) || (a < b && !std::invoke(less, all[b], all[a]));
    });
    if (claim.version() != version || claim.size() != all.size()) {
      throw ValueError("list modified during sort");
    }
    claim.permute(order);
  }
  void reverse() const {
    detail::ListClaim claim(bytes_);
    std::vector<std::uint64_t> order(claim.size());
    std::iota(order.rbegin(), order.rend(), std::uint64_t{0});
    claim.permute(order);
  }

  /// A copy as of one moment; backwards: slice(-1, -1 - n, -1). \throws ValueError for step 0
  [[nodiscard]] std::vector<T> slice(Index first = 0, Index last = npos, Index step = 1) const {
    if (step == 0) throw ValueError("slice step cannot be zero");
    detail::ListClaim claim(bytes_);
    if (step == 1) {
      const auto [from, to] = detail::range_of(claim.size(), first, last);
      return Elements::elements(claim, from, to);
    }
    return detail::strided<T>(Elements::elements(claim, 0, claim.size()), first, last, step);
  }
  /// Replaces [first, last) by the items, of which there may be more or fewer.
  template <detail::RangeOf<T> R>
  void set_slice(Index first, Index last, R&& items) const {
    const std::vector<T> values = detail::to_vector<T>(std::forward<R>(items));
    const auto contents = Elements::encoded(values);
    detail::ListClaim claim(bytes_);
    Elements::stage_all(claim, contents);
    const auto [from, to] = detail::range_of(claim.size(), first, last);
    claim.splice(from, to);
  }
  void set_slice(Index first, Index last, std::initializer_list<T> items) const {
    set_slice(first, last, std::vector<T>(items));
  }
  /// As of one moment.
  [[nodiscard]] std::vector<T> copy() const { return slice(); }
  template <detail::RangeOf<T> R>
  friend std::vector<T> operator+(const List& list, R&& items) {
    std::vector<T> all = list.copy();
    for (auto&& item : items) all.push_back(static_cast<T>(item));
    return all;
  }
  friend std::vector<T> operator+(const List& a, const List& b) { return a + b.copy(); }

  /// Goes by index, as Python's: what is appended meanwhile is seen.
  [[nodiscard]] detail::ListIterator<T> begin() const { return detail::ListIterator<T>(bytes_); }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

  /// True if both are the same list.
  friend bool operator==(const List& a, const List& b) noexcept {
    return a.bytes_.handle() == b.bytes_.handle();
  }
  /// [1, 2, 3]
  friend std::ostream& operator<<(std::ostream& out, const List& list) {
    detail::write_repr(out, list.copy());
    return out;
  }

  [[nodiscard]] detail::HandleId handle_id() const noexcept { return bytes_.id(); }
  static List from_handle_id(detail::HandleId id) { return List(detail::ByteList(id)); }

 private:
  friend class detail::DictElement<List>;
  using Elements = detail::ListElements<T>;

  explicit List(detail::ByteList bytes) noexcept : bytes_(std::move(bytes)) {}

  /// For DictElement: the new value.
  template <class F>
  T change(Index index, F& f) const {
    return modify(index, [&](T& value) {
      f(value);
      return value;
    });
  }

  detail::ByteList bytes_;
};

}  // namespace multiprocessing

// NOLINTBEGIN(cert-dcl58-cpp): a specialization for a type of our own
template <class T>
struct std::hash<multiprocessing::List<T>> {
  std::size_t operator()(const multiprocessing::List<T>& list) const noexcept {
    return std::hash<std::uint64_t>{}(list.handle_id().value);
  }
};
// NOLINTEND(cert-dcl58-cpp)
