#pragma once

/// \file multiprocessing/detail/future_wait.hpp
/// wait and as_completed, which are public, over futures of any executors. They mirror
/// `concurrent.futures.wait` and `as_completed`.
///
///   sharing   futures of this process and of others
///   threads   may be called concurrently; one thread reads an as_completed range
///   ordering  what a task wrote is visible when its future comes out
///   death     of a worker: its future is done, with that error

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <string>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <vector>

#include <multiprocessing/detail/bell.hpp>
#include <multiprocessing/detail/future.hpp>
#include <multiprocessing/detail/stream_iterator.hpp>

namespace multiprocessing {

enum ReturnWhen { FIRST_COMPLETED, FIRST_EXCEPTION, ALL_COMPLETED };

/// What wait returns, for futures of R; DoneAndNotDone<AnyFuture> for futures of any type.
template <class R>
struct DoneAndNotDone {
  std::unordered_set<Future<R>> done;
  std::unordered_set<Future<R>> not_done;
};
template <>
struct DoneAndNotDone<AnyFuture> {
  std::unordered_set<AnyFuture> done;
  std::unordered_set<AnyFuture> not_done;
};

namespace detail {

template <class F>
struct Sorted {};
template <class R>
struct Sorted<Future<R>> {
  using type = DoneAndNotDone<R>;
};
template <>
struct Sorted<AnyFuture> {
  using type = DoneAndNotDone<AnyFuture>;
};
template <class F>
using Sorted_t = typename Sorted<F>::type;

template <class T>
inline constexpr bool kIsFuture = requires { typename Sorted_t<T>; };

/// Asks a future that is not done to see to whoever computes it, some times a second.
class MULTIPROCESSING_API Tender {
 public:
  /// True if it is time.
  bool now() noexcept;

 private:
  std::int64_t last_ = 0;
};

/// What wait looks at.
template <class F>
struct WaitFor {
  std::vector<F> open;
  ReturnWhen when = ALL_COMPLETED;
  std::unordered_set<F> done{};
  Tender tender{};
  bool silent = false;  // nobody rings for one of them

  // Moves what is done. True if that is enough.
  bool look() {
    if (tender.now() && !open.empty()) {
      FutureAccess::state_of(open.back()).tend();
      silent = std::any_of(open.begin(), open.end(),
                           [](const F& each) { return FutureAccess::state_of(each).is_silent(); });
    }
    if (when != ALL_COMPLETED) return sort();
    while (!open.empty() &&
           open.back().done()) {  // the others need no look before this one is done
      done.insert(std::move(open.back()));
      open.pop_back();
    }
    return open.empty();
  }

  bool sort() {
    bool enough = false;
    std::erase_if(open, [&](const F& future) {
      if (!future.done()) return false;
      enough = enough || when == FIRST_COMPLETED ||
               (when == FIRST_EXCEPTION && !future.cancelled() && future.exception() != nullptr);
      done.insert(future);
      return true;
    });
    return enough || open.empty();
  }
};

}  // namespace detail

/// Blocks until all futures of the range are done, or one of them, or one has thrown; or the
/// time-out has passed, which is no error. `auto [done, not_done] = wait(futures);`
template <std::ranges::input_range Range>
  requires detail::kIsFuture<std::ranges::range_value_t<Range>>
detail::Sorted_t<std::ranges::range_value_t<Range>> wait(Range&& futures, Timeout timeout = {},
                                                         ReturnWhen when = ALL_COMPLETED) {
  using F = std::ranges::range_value_t<Range>;
  std::unordered_set<F> once;
  for (const auto& future : futures) once.insert(future);
  detail::WaitFor<F> state{std::vector<F>(once.begin(), once.end()), when};
  (void)detail::wait_for_bell(
      [](void* self) { return static_cast<detail::WaitFor<F>*>(self)->look(); }, &state,
      timeout.deadline(), &state.silent);
  (void)state.sort();
  return {std::move(state.done), std::unordered_set<F>(state.open.begin(), state.open.end())};
}
template <class F>
  requires detail::kIsFuture<F>
detail::Sorted_t<F> wait(std::initializer_list<F> futures, Timeout timeout = {},
                         ReturnWhen when = ALL_COMPLETED) {
  return wait(std::vector<F>(futures), timeout, when);
}

namespace detail {

/// A range of elements, each with a future in it, in the order in which these are done. `Kept` is
/// the future itself, or a pointer to an element of a map.
template <class Kept>
class AsCompleted {
 public:
  using value_type = std::remove_cv_t<std::remove_pointer_t<Kept>>;
  using Iterator = StreamIterator<AsCompleted, value_type>;

  AsCompleted(std::vector<Kept> kept, Timeout timeout)
      : open_(std::make_move_iterator(kept.begin()), std::make_move_iterator(kept.end())),
        left_(open_.size()),
        deadline_(timeout.deadline()) {}

  Iterator begin() {
    advance();
    return Iterator(*this);
  }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

 private:
  friend class StreamIterator<AsCompleted, value_type>;
  [[nodiscard]] bool at_end() const noexcept { return !current_.has_value(); }
  [[nodiscard]] auto& here() noexcept { return element(*current_); }

  template <class T>
  static T& element(T* kept) noexcept {
    return *kept;
  }
  template <class T>
    requires kIsFuture<T>
  static T& element(T& kept) noexcept {
    return kept;
  }
  template <class T>
  static const auto& future_of(T* kept) noexcept {
    return kept->first;
  }
  template <class T>
    requires kIsFuture<T>
  static const T& future_of(const T& kept) noexcept {
    return kept;
  }

  // From where the last one was found: they are done about in the order of their submission.
  bool look() {
    for (std::size_t i = first_; i < open_.size(); ++i, ++place_) {
      if (place_ >= open_.size()) place_ = first_;
      if (open_[place_] && future_of(*open_[place_]).done()) return true;
    }
    if (tender_.now() && left_ != 0) tend();
    return left_ == 0;
  }

  void tend() {
    FutureAccess::state_of(future_of(*open_[first_])).tend();
    silent_ = std::any_of(open_.begin(), open_.end(), [](const std::optional<Kept>& each) {
      return each && FutureAccess::state_of(future_of(*each)).is_silent();
    });
  }

  void advance() {
    current_.reset();
    if (left_ == 0) return;
    const auto ended = [](void* self) { return static_cast<AsCompleted*>(self)->look(); };
    if (!wait_for_bell(ended, this, deadline_, &silent_)) {
      throw TimeoutError(std::to_string(left_) + " (of " + std::to_string(open_.size()) +
                         ") futures unfinished");
    }
    current_ = std::exchange(open_[place_], std::nullopt);
    --left_;
    while (first_ < open_.size() && !open_[first_]) ++first_;
  }

  std::vector<std::optional<Kept>> open_;  // empty: it has come out
  std::size_t left_;
  std::size_t first_ = 0;  // none before it is open
  std::size_t place_ = 0;
  std::int64_t deadline_;
  Tender tender_;
  bool silent_ = false;  // nobody rings for one of them
  std::optional<Kept> current_;
};

}  // namespace detail

/// The futures of the range in the order in which they are done, each once; those that are done
/// already first. The time-out counts from this call.
/// \throws TimeoutError from the iteration
template <std::ranges::input_range Range>
  requires detail::kIsFuture<std::ranges::range_value_t<Range>>
[[nodiscard]] auto as_completed(Range&& futures, Timeout timeout = {}) {
  using F = std::ranges::range_value_t<Range>;
  std::unordered_set<F> seen;
  std::vector<F> once;
  for (const auto& future : futures) {
    if (seen.insert(future).second) once.push_back(future);
  }
  return detail::AsCompleted<F>(std::move(once), timeout);
}

template <class F>
  requires detail::kIsFuture<F>
[[nodiscard]] auto as_completed(std::initializer_list<F> futures, Timeout timeout = {}) {
  return as_completed(std::vector<F>(futures), timeout);
}

/// The same of a map keyed by futures: `for (auto& [future, url] : as_completed(future_to_url))`.
/// The map must outlive the iteration.
template <class Map>
  requires detail::kIsFuture<typename Map::key_type> && requires { typename Map::mapped_type; }
[[nodiscard]] auto as_completed(Map& map, Timeout timeout = {}) {
  std::vector<std::remove_reference_t<decltype(*map.begin())>*> elements;
  for (auto& element : map) elements.push_back(&element);
  return detail::AsCompleted<std::remove_reference_t<decltype(*map.begin())>*>(std::move(elements),
                                                                               timeout);
}

}  // namespace multiprocessing
