#pragma once

/// \file multiprocessing/detail/shareable_list.hpp
/// A list of fixed length in named shared memory: part of `multiprocessing/shared_memory.hpp`.
///
///   sharing   copies refer to the same list; travels by its name. CPython reads and writes the
///   same
///             bytes
///   threads   every member may be called concurrently; an item that one replaces while another
///             reads it may be read half old, half new, as in Python, unless both are numbers
///   ordering  none: use a lock, or a queue
///   death     a process killed while it replaces an item leaves that item old, new or mixed, and
///             all others as they were
///
/// \code
///   multiprocessing::ShareableList list({"howdy", 273.15, 100, nullptr, true});
///   list[2] = 42;
///   int number = list[2];
///   multiprocessing::ShareableList same(nullptr, {.name = list.shm().name()});  // or in Python
/// \endcode

#include <concepts>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <ostream>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <multiprocessing/detail/shareable_item.hpp>
#include <multiprocessing/detail/shared_memory_handle.hpp>

namespace multiprocessing {

class ShareableList;

namespace detail {

class ShareableBytes;  // lib/shared/shareable_bytes.hpp

/// `list[i]`: reads and replaces the item. To be used at once.
class ShareableElement {
 public:
  ShareableElement(const ShareableList& list, std::ptrdiff_t position) noexcept
      : list_(list), position_(position) {}
  ShareableElement(const ShareableElement&) = delete;
  ~ShareableElement() = default;

  [[nodiscard]] ShareableItem get() const;
  template <class T>
    requires is_item_type<T>
  operator T() const {  // NOLINT(google-explicit-constructor)
    return get().as<T>();
  }
  operator ShareableItem() const { return get(); }  // NOLINT(google-explicit-constructor)
  // NOLINTBEGIN(misc-unconventional-assign-operator): assigns to the list's item
  const ShareableElement& operator=(const ShareableItem& item) const;
  const ShareableElement& operator=(const ShareableElement& other) const {
    return *this = other.get();
  }
  // NOLINTEND(misc-unconventional-assign-operator)

  friend bool operator==(const ShareableElement& a, const ShareableElement& b) {
    return a.get() == b.get();
  }
  template <class T>
    requires(!std::same_as<T, ShareableElement>) && std::convertible_to<const T&, ShareableItem>
  friend bool operator==(const ShareableElement& element, const T& other) {
    return element.get() == ShareableItem(other);
  }
  friend std::ostream& operator<<(std::ostream& out, const ShareableElement& element) {
    return out << element.get();
  }

 private:
  const ShareableList& list_;
  std::ptrdiff_t position_;
};

}  // namespace detail

struct ShareableListOptions {
  std::string name = {};  ///< of the shared memory; empty: one is made up
};

class MULTIPROCESSING_API ShareableList {
 public:
  using Item = ShareableItem;
  using value_type = ShareableItem;
  class Iterator;

  /// Makes a list. Text and bytes keep the room that they take now, rounded up; see
  /// `operator[]`.
  /// \throws ValueError for text of more than 9,999,998 bytes, and as SharedMemory
  ShareableList(std::initializer_list<Item> sequence, const ShareableListOptions& options = {})
      : ShareableList(std::span<const Item>(sequence.begin(), sequence.size()), options) {}
  /// Of the elements of a range; of another ShareableList's items, too.
  template <std::ranges::input_range R>
    requires std::constructible_from<Item, std::ranges::range_reference_t<R>> &&
             (!std::convertible_to<R &&, std::string_view>) &&
             (!std::same_as<std::remove_cvref_t<R>, ShareableList>)
  explicit ShareableList(R&& sequence, const ShareableListOptions& options = {})
      : ShareableList(std::span<const Item>(collect(sequence)), options) {}
  ShareableList(const ShareableList& sequence, const ShareableListOptions& options)
      : ShareableList(std::span<const Item>(collect(sequence)), options) {}
  explicit ShareableList(std::span<const Item> sequence, const ShareableListOptions& options = {});
  /// Of the characters of a text, as in Python; a name is given in options.
  explicit ShareableList(std::string_view characters, const ShareableListOptions& options = {});
  /// Opens the list of that name, which this program or Python has made: Python's
  /// `ShareableList(name=...)`.
  /// \throws ValueError if what is there is no list; as SharedMemory
  ShareableList(std::nullptr_t no_sequence, const ShareableListOptions& existing);

  /// How many items there are: always as many as at the beginning.
  [[nodiscard]] std::size_t size() const noexcept;
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }

  /// `list[i] = item`, `int n = list[i]`; negative positions count from the end. An item may become
  /// one of another type; text and bytes have to fit into the room that the item had at first.
  /// Trailing zero bytes of text and bytes get lost, as in Python.
  /// \throws ValueError out of range, and where text does not fit
  detail::ShareableElement operator[](std::ptrdiff_t position) const noexcept {
    return {*this, position};
  }
  [[nodiscard]] Item get(std::ptrdiff_t position) const;
  void set(std::ptrdiff_t position, const Item& item) const;

  /// How many items are equal to `value`.
  [[nodiscard]] std::size_t count(const Item& value) const;
  /// Where the first one is. \throws ValueError if there is none
  [[nodiscard]] std::size_t index(const Item& value) const;

  /// How the items are packed now, in the letters of Python's `struct`: "8sdqxxxxxx?x".
  [[nodiscard]] std::string format() const;
  /// The memory that it lies in: to name, close and unlink it.
  [[nodiscard]] const SharedMemory& shm() const noexcept { return memory_; }

  [[nodiscard]] Iterator begin() const;
  [[nodiscard]] Iterator end() const;

  friend bool operator==(const ShareableList& a, const ShareableList& b) noexcept {
    return a.memory_ == b.memory_;
  }
  /// ShareableList([1, 'two', None], name='psm_12345678')
  friend std::ostream& operator<<(std::ostream& out, const ShareableList& list) {
    list.print(out);
    return out;
  }

 private:
  template <class R>
  static std::vector<Item> collect(R&& sequence) {
    std::vector<Item> items;
    for (auto&& element : sequence) items.emplace_back(std::forward<decltype(element)>(element));
    return items;
  }
  void print(std::ostream& out) const;

  SharedMemory memory_;
  std::shared_ptr<const detail::ShareableBytes> bytes_;
};

/// Goes through the items as they are when it comes to them.
class ShareableList::Iterator {
 public:
  using value_type = ShareableItem;
  using difference_type = std::ptrdiff_t;
  using iterator_category = std::input_iterator_tag;
  using pointer = void;
  using reference = ShareableItem;

  Iterator() = default;
  Iterator(const ShareableList& list, std::size_t at) noexcept : list_(&list), at_(at) {}
  ShareableItem operator*() const { return list_->get(static_cast<std::ptrdiff_t>(at_)); }
  Iterator& operator++() noexcept {
    ++at_;
    return *this;
  }
  Iterator operator++(int) noexcept { return {*list_, at_++}; }
  friend bool operator==(const Iterator& a, const Iterator& b) noexcept { return a.at_ == b.at_; }

 private:
  const ShareableList* list_ = nullptr;
  std::size_t at_ = 0;
};

inline ShareableList::Iterator ShareableList::begin() const {
  return {*this, 0};
}
inline ShareableList::Iterator ShareableList::end() const {
  return {*this, size()};
}

inline ShareableItem detail::ShareableElement::get() const {
  return list_.get(position_);
}
inline const detail::ShareableElement& detail::ShareableElement::operator=(
    const ShareableItem& item) const {
  list_.set(position_, item);
  return *this;
}

/// Travels by the name of its memory, as in Python.
template <>
struct Codec<ShareableList> {
  using Parts = detail::Types<std::string>;
  static constexpr bool kFixed = false;
  static constexpr const char* kName = "shareable list";

  static void encode(detail::Writer& out, const ShareableList& list) {
    detail::encode_value(out, list.shm().name());
  }
  static ShareableList decode(detail::Reader& in) {
    if (!in.trusted()) detail::throw_untrusted("a shareable list");
    return ShareableList(nullptr, {.name = detail::decode_value<std::string>(in)});
  }
};

}  // namespace multiprocessing

template <>
struct std::hash<multiprocessing::ShareableList> {
  std::size_t operator()(const multiprocessing::ShareableList& list) const noexcept {
    return std::hash<multiprocessing::SharedMemory>{}(list.shm());
  }
};
