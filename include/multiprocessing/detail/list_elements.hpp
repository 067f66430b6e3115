#pragma once

/// \file multiprocessing/detail/list_elements.hpp
/// What stands between a List and its bytes: indices as Python has them, elements as values.
///
///   sharing   none of its own
///   threads   as the list
///   ordering  as the list
///   death     as the list

#include <algorithm>
#include <cstddef>
#include <deque>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <multiprocessing/detail/list_bytes.hpp>
#include <multiprocessing/detail/list_codec.hpp>
#include <multiprocessing/errors.hpp>

namespace multiprocessing::detail {

[[noreturn]] inline void throw_no_element(const std::string& what, std::ptrdiff_t index) {
  throw ValueError(what + " out of range: " + std::to_string(index));
}
inline std::size_t place_of(const ListClaim& claim, std::ptrdiff_t index, const char* what) {
  const auto size = static_cast<std::ptrdiff_t>(claim.size());
  const std::ptrdiff_t place = index < 0 ? index + size : index;
  if (place < 0 || place >= size) throw_no_element(what, index);
  return static_cast<std::size_t>(place);
}
/// As Python's slices: clamped, and never backwards.
inline std::pair<std::size_t, std::size_t> range_of(std::size_t size, std::ptrdiff_t first,
                                                    std::ptrdiff_t last) {
  const auto clamped = [n = static_cast<std::ptrdiff_t>(size)](std::ptrdiff_t i) {
    return std::clamp<std::ptrdiff_t>(i < 0 ? i + n : i, 0, n);
  };
  const std::ptrdiff_t from = clamped(first);
  return {static_cast<std::size_t>(from), static_cast<std::size_t>(std::max(from, clamped(last)))};
}
template <class T>
std::vector<T> strided(const std::vector<T>& all, std::ptrdiff_t first, std::ptrdiff_t last,
                       std::ptrdiff_t step) {
  const auto size = static_cast<std::ptrdiff_t>(all.size());
  const std::ptrdiff_t lowest = step < 0 ? -1 : 0;
  step = std::clamp<std::ptrdiff_t>(step, -size - 1, size + 1);  // so that no index overflows
  const auto clamped = [&](std::ptrdiff_t i) {
    return std::clamp<std::ptrdiff_t>(i < 0 ? i + size : i, lowest, step < 0 ? size - 1 : size);
  };
  std::vector<T> some;
  const std::ptrdiff_t end = clamped(last);
  for (std::ptrdiff_t i = clamped(first); step > 0 ? i < end : i > end; i += step) {
    some.push_back(all[static_cast<std::size_t>(i)]);
  }
  return some;
}

/// The elements of a claimed list.
template <class T>
struct ListElements {
  static T element(const ListClaim& claim, std::size_t place) {
    DictBytes bytes;
    claim.read(place, bytes);
    return decode_dict<T>(bytes.view());
  }
  static std::vector<T> elements(const ListClaim& claim, std::size_t from, std::size_t to) {
    std::vector<T> all;
    all.reserve(to - from);
    DictBytes bytes;
    for (std::size_t i = from; i < to; ++i) {
      bytes.clear();
      claim.read(i, bytes);
      all.push_back(decode_dict<T>(bytes.view()));
    }
    return all;
  }
  static std::optional<std::size_t> find(const ListClaim& claim, const T& value, std::size_t from,
                                         std::size_t to) {
    for (std::size_t i = from; i < std::min(to, claim.size()); ++i) {
      if (element(claim, i) == value) return i < claim.size() ? std::optional(i) : std::nullopt;
    }
    return std::nullopt;
  }
  static std::deque<ListEncoded<T>> encoded(const std::vector<T>& values) {
    std::deque<ListEncoded<T>> contents;
    for (const T& value : values) contents.emplace_back(value);
    return contents;
  }
  static void stage_all(ListClaim& claim, const std::deque<ListEncoded<T>>& contents) {
    for (const auto& content : contents) claim.stage(content.bytes(), content.handles());
  }
  static void replace(ListClaim& claim, std::size_t place, const ListEncoded<T>& content) {
    claim.stage(content.bytes(), content.handles());
    claim.splice(place, place + 1);
  }
};

/// Goes by index, as Python's.
template <class T>
class ListIterator {
 public:
  using iterator_concept = std::input_iterator_tag;
  using value_type = T;
  using difference_type = std::ptrdiff_t;

  explicit ListIterator(ByteList list) : list_(std::move(list)) { look(); }
  const T& operator*() const noexcept { return *element_; }
  ListIterator& operator++() {
    ++index_;
    look();
    return *this;
  }
  void operator++(int) { ++*this; }
  friend bool operator==(const ListIterator& it, std::default_sentinel_t) noexcept {
    return !it.element_.has_value();
  }

 private:
  void look() {
    DictBytes bytes;
    element_.reset();
    if (list_.get(index_, bytes)) element_.emplace(decode_dict<T>(bytes.view()));
  }

  ByteList list_;
  std::ptrdiff_t index_ = 0;
  std::optional<T> element_;
};

}  // namespace multiprocessing::detail
