#pragma once

/// \file multiprocessing/detail/outcomes.hpp
/// outcomes, which is public: a range that hands failures out instead of throwing them.
///
///   threads   one thread reads it
///
/// \code
///   for (auto& o : outcomes(pool.imap_unordered(f, input))) {
///     if (o) use(o.value()); else report(o.index(), o.error());
///   }
/// \endcode

#include <cstddef>
#include <exception>
#include <iterator>
#include <optional>
#include <utility>

#include <multiprocessing/detail/stream_iterator.hpp>

namespace multiprocessing {

/// What became of one element.
template <class R>
class Outcome {
 public:
  Outcome(std::size_t index, R value) : index_(index), value_(std::move(value)) {}
  Outcome(std::size_t index, std::exception_ptr error) : index_(index), error_(std::move(error)) {}

  explicit operator bool() const noexcept { return value_.has_value(); }
  /// \throws the error, if that is what became of it
  [[nodiscard]] R& value() {
    if (error_) std::rethrow_exception(error_);
    return *value_;
  }
  /// Null if there is a value.
  [[nodiscard]] std::exception_ptr error() const noexcept { return error_; }
  /// Which element of the input it is of, from 0.
  [[nodiscard]] std::size_t index() const noexcept { return index_; }

 private:
  std::size_t index_;
  std::optional<R> value_;
  std::exception_ptr error_;
};

namespace detail {

template <class Stream>
class Outcomes {
 public:
  using R = typename Stream::value_type;

  using Iterator = StreamIterator<Outcomes, Outcome<R>>;

  explicit Outcomes(Stream stream) : stream_(std::move(stream)) {}

  Iterator begin() {
    advance();
    return Iterator(*this);
  }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

 private:
  friend class StreamIterator<Outcomes, Outcome<R>>;
  [[nodiscard]] bool at_end() const noexcept { return !current_.has_value(); }
  [[nodiscard]] auto& here() noexcept { return *current_; }

  void advance() {
    current_.reset();
    const std::size_t before = stream_.results();
    try {
      if (auto value = stream_.next()) current_.emplace(stream_.last_index(), std::move(*value));
    } catch (...) {
      // What did not come from an element, such as an input that throws, is thrown.
      if (stream_.results() == before) throw;
      current_.emplace(stream_.last_index(), std::current_exception());
    }
  }

  Stream stream_;
  std::optional<Outcome<R>> current_;
};

}  // namespace detail

/// The results of an imap, imap_unordered or Executor::map as Outcomes: what a task has thrown is
/// in its Outcome, and reading goes on. What the input throws is thrown.
template <class Stream>
  requires requires(Stream& stream) { stream.last_index(); }
[[nodiscard]] auto outcomes(Stream stream) {
  return detail::Outcomes<Stream>(std::move(stream));
}

}  // namespace multiprocessing
