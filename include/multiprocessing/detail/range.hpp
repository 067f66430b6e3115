#pragma once

/// \file multiprocessing/detail/range.hpp
/// Sources to loop over: `range`, which is Python's, and `generate`, which takes the place of a
/// generator.
///
///   sharing   a range of integers is a value; a generator belongs to who made it
///   threads   reading a range of integers is free; a generator is read by one thread
///   ordering  none
///   death     nothing to leave behind
///
/// \code
///   for (int i : range(10, 0, -2)) ...;                  // 10 8 6 4 2
///   pool.map(square, range(100));
///   for (std::string& line : generate([&] { return read_line(file); })) ...;
/// \endcode

#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <type_traits>
#include <utility>

#include <multiprocessing/detail/stream_iterator.hpp>
#include <multiprocessing/errors.hpp>

namespace multiprocessing {

namespace detail {

template <class T>
concept RangeInteger = std::integral<T> && !std::same_as<T, bool> && sizeof(T) <= 8;

/// Holds every difference and product of two 64-bit integers of either sign.
__extension__ using WideInteger = __int128;

/// The integers start, start + step, ... : `size` of them.
template <RangeInteger T>
class IntegerRange : public std::ranges::view_interface<IntegerRange<T>> {
 public:
  class Iterator;

  constexpr IntegerRange() noexcept = default;

  /// Requires that each of the `size` elements is a value of T.
  constexpr IntegerRange(T start, std::uint64_t step, std::uint64_t size) noexcept
      : start_(start), step_(step), size_(size) {}

  [[nodiscard]] constexpr Iterator begin() const noexcept { return {start_, step_, 0}; }
  [[nodiscard]] constexpr Iterator end() const noexcept { return {start_, step_, size_}; }
  [[nodiscard]] constexpr std::size_t size() const noexcept { return size_; }

 private:
  T start_ = 0;
  std::uint64_t step_ = 1;  // modulo 2^64, which is exact for every element
  std::uint64_t size_ = 0;
};

template <RangeInteger T>
class IntegerRange<T>::Iterator {
 public:
  using iterator_concept = std::random_access_iterator_tag;
  using iterator_category = std::input_iterator_tag;  // its elements are no lvalues
  using value_type = T;
  using difference_type = std::ptrdiff_t;

  constexpr Iterator() noexcept = default;
  constexpr Iterator(T start, std::uint64_t step, std::uint64_t index) noexcept
      : start_(start), step_(step), index_(index) {}

  constexpr T operator*() const noexcept {
    return static_cast<T>(static_cast<std::uint64_t>(start_) + index_ * step_);
  }
  constexpr T operator[](difference_type n) const noexcept { return *(*this + n); }

  constexpr Iterator& operator++() noexcept { return *this += 1; }
  constexpr Iterator& operator--() noexcept { return *this -= 1; }
  constexpr Iterator operator++(int) noexcept { return std::exchange(*this, *this + 1); }
  constexpr Iterator operator--(int) noexcept { return std::exchange(*this, *this - 1); }

  constexpr Iterator& operator+=(difference_type n) noexcept {
    index_ += static_cast<std::uint64_t>(n);
    return *this;
  }
  constexpr Iterator& operator-=(difference_type n) noexcept {
    index_ -= static_cast<std::uint64_t>(n);
    return *this;
  }

  friend constexpr Iterator operator+(Iterator it, difference_type n) noexcept { return it += n; }
  friend constexpr Iterator operator+(difference_type n, Iterator it) noexcept { return it += n; }
  friend constexpr Iterator operator-(Iterator it, difference_type n) noexcept { return it -= n; }
  friend constexpr difference_type operator-(Iterator a, Iterator b) noexcept {
    return static_cast<difference_type>(a.index_ - b.index_);
  }
  friend constexpr bool operator==(Iterator a, Iterator b) noexcept { return a.index_ == b.index_; }
  friend constexpr auto operator<=>(Iterator a, Iterator b) noexcept {
    return a.index_ <=> b.index_;
  }

 private:
  T start_ = 0;
  std::uint64_t step_ = 1;
  std::uint64_t index_ = 0;
};

template <RangeInteger T>
constexpr bool fits(WideInteger value) noexcept {
  return value == static_cast<WideInteger>(static_cast<T>(value));
}

/// The integers from `start` up to (down to, for a negative step), but without, `stop`.
template <RangeInteger T>
constexpr IntegerRange<T> integer_range(WideInteger start, WideInteger stop, WideInteger step) {
  if (step == 0) throw ValueError("range() arg 3 must not be zero");
  const WideInteger away = step > 0 ? stop - start : start - stop;
  if (away <= 0) return {};
  const WideInteger size = (away - 1) / (step > 0 ? step : -step) + 1;
  if (!fits<T>(start) || !fits<T>(start + (size - 1) * step) || !fits<std::uint64_t>(size)) {
    throw ValueError("range() has elements that its integer type cannot hold");
  }
  return {static_cast<T>(start), static_cast<std::uint64_t>(step),
          static_cast<std::uint64_t>(size)};
}

/// A range of what `f` returns, up to the first nullopt. To be read once.
template <class F>
class Generator : public std::ranges::view_interface<Generator<F>> {
  using Item = std::invoke_result_t<F&>;  // std::optional<T>

  struct Source {
    F f;
    Item item{};
    void advance() { item = f(); }
    [[nodiscard]] bool at_end() const noexcept { return !item.has_value(); }
    [[nodiscard]] auto& here() noexcept {
      return *item;  // NOLINT(bugprone-unchecked-optional-access): not at the end
    }
  };

 public:
  using Iterator = StreamIterator<Source, typename Item::value_type>;

  explicit Generator(F f) : source_(std::make_unique<Source>(Source{std::move(f)})) {}

  /// Calls `f` for the first time.
  Iterator begin() {
    source_->advance();
    return Iterator(*source_);
  }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

 private:
  std::unique_ptr<Source> source_;  // a closure cannot be assigned to; a pointer to one can
};

template <class T>
inline constexpr bool is_optional_v = false;
template <class T>
inline constexpr bool is_optional_v<std::optional<T>> = true;

}  // namespace detail

/// The integers 0, 1, ... n - 1; none if `n` is negative.
template <detail::RangeInteger T>
[[nodiscard]] constexpr detail::IntegerRange<T> range(T n) {
  return detail::integer_range<T>(0, n, 1);
}

/// The integers from `start` to, but without, `stop`, of the common type of the two.
/// \throws ValueError if that type cannot hold them, as in `range(-1, 5u)`.
template <detail::RangeInteger A, detail::RangeInteger B>
[[nodiscard]] constexpr auto range(A start, B stop) {
  return detail::integer_range<std::common_type_t<A, B>>(start, stop, 1);
}

/// Every `step`th integer from `start` to, but without, `stop`; downwards if `step` is negative.
/// `range(v.size() - 1, -1, -1)` is every index of `v`, last one first.
/// \throws ValueError if `step` is zero, or an element does not fit the arguments' common type.
template <detail::RangeInteger A, detail::RangeInteger B, detail::RangeInteger S>
[[nodiscard]] constexpr auto range(A start, B stop, S step) {
  return detail::integer_range<std::common_type_t<A, B, S>>(start, stop, step);
}

/// An input range of what `f` returns, a `std::optional<T>`, up to the first nullopt.
/// `f` is called only as the elements are asked for.
template <class F>
  requires std::invocable<std::decay_t<F>&> &&
           detail::is_optional_v<std::invoke_result_t<std::decay_t<F>&>>
[[nodiscard]] auto generate(F&& f) {
  return detail::Generator<std::decay_t<F>>(std::forward<F>(f));
}

}  // namespace multiprocessing

template <class T>  // NOLINTNEXTLINE(readability-identifier-naming): named by the standard
inline constexpr bool std::ranges::enable_borrowed_range<multiprocessing::detail::IntegerRange<T>> =
    true;
