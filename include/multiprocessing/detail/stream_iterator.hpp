#pragma once

/// \file multiprocessing/detail/stream_iterator.hpp
/// The iterator of a range that computes its elements as they are read, each once.
///
///   sharing   a pointer to its range, which must outlive it
///   threads   as the range
///   ordering  none of its own
///   death     nothing shared is touched

#include <cstddef>
#include <iterator>

namespace multiprocessing::detail {

/// Every iterator of a range stands where the range does. A Range has, for this class,
/// `advance()`, which moves on, or throws and has moved on all the same; `at_end()`, true if there
/// is no element; and `here()`, the element.
template <class Range, class T>
class StreamIterator {
 public:
  using iterator_concept = std::input_iterator_tag;
  using value_type = T;
  using difference_type = std::ptrdiff_t;

  StreamIterator() noexcept = default;
  explicit StreamIterator(Range& range) noexcept : range_(&range) {}

  decltype(auto) operator*() const noexcept { return range_->here(); }
  /// \throws what the range does
  StreamIterator& operator++() {
    range_->advance();
    return *this;
  }
  void operator++(int) { range_->advance(); }
  friend bool operator==(const StreamIterator& it, std::default_sentinel_t) noexcept {
    return it.at_end();
  }

 private:
  [[nodiscard]] bool at_end() const noexcept { return range_->at_end(); }

  Range* range_ = nullptr;
};

}  // namespace multiprocessing::detail
