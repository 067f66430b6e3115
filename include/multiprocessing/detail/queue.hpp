#pragma once

/// \file multiprocessing/detail/queue.hpp
/// The class Queue; see multiprocessing/queues.hpp for what holds of all queues.

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <utility>
#include <vector>

#include <multiprocessing/detail/codec.hpp>
#include <multiprocessing/detail/loan.hpp>
#include <multiprocessing/detail/queue_bytes.hpp>
#include <multiprocessing/detail/range.hpp>
#include <multiprocessing/detail/timeout.hpp>
#include <multiprocessing/errors.hpp>

namespace multiprocessing {

/// First in, first out, for items of one producer; any number of producers and consumers.
///
/// Items are copied or serialized by `put`, so that it is complete when it returns: a process that
/// has put something may end, and be joined, before anybody gets it.
template <class T>
class Queue {
 public:
  using value_type = T;
  using multiprocessing_handle = void;
  static constexpr bool kPlain = detail::is_plain_v<T>;  // written and read in place

  /// Makes an unbounded queue. \throws ArenaExhausted
  Queue() : Queue(std::size_t{0}) { detail::require_transferable<T>(); }
  /// Makes a queue of at most `maxsize` items; 0: unbounded.
  template <std::integral N>
    requires(!std::same_as<N, bool>)
  explicit Queue(N maxsize)
      : bytes_(detail::ByteQueue::make(maxsize > 0 ? static_cast<std::size_t>(maxsize) : 0)) {
    detail::require_transferable<T>();
  }

  /// Appends an item; waits for a place in a bounded queue.
  /// \throws Full if `timeout` passes first, ShutDown after `shutdown`, ValueError after `close`,
  /// TransferError if the item cannot be encoded, ArenaExhausted; it was not put then
  void put(const T& item, Timeout timeout = {}) const {
    const Outcome outcome = append(item, timeout);
    if (outcome != Outcome::done) detail::throw_not_put(outcome);
  }
  template <std::same_as<bool> B>
  void put(const T& item, B block, Timeout timeout = {}) const {
    put(item, block ? timeout : Timeout::zero());
  }
  void put_nowait(const T& item) const { put(item, Timeout::zero()); }

  /// As `put`, but false instead of Full.
  bool try_put(const T& item, Timeout timeout = Timeout::zero()) const {
    const Outcome outcome = append(item, timeout);
    if (outcome == Outcome::shut_down) detail::throw_not_put(outcome);
    return outcome == Outcome::done;
  }

  /// Appends all items of a range, waiting for places as long as it takes. Small plain ones appear
  /// together, as far as there are places.
  template <std::ranges::input_range R = std::initializer_list<T>>  // for one in braces
    requires std::convertible_to<std::ranges::range_reference_t<R>, T>
  void put_many(R&& items) const {
    if constexpr (!kInline) {
      for (auto&& item : items) put(item);
    } else if constexpr (std::ranges::contiguous_range<R> && std::ranges::sized_range<R> &&
                         std::same_as<std::ranges::range_value_t<R>, T>) {
      put_run(std::ranges::data(items), std::ranges::size(items));
    } else {
      std::vector<Cell> run;
      for (auto&& item : items) {
        run.emplace_back(static_cast<T>(item));
        if (run.size() < kRun) continue;
        put_run(run.data(), run.size());
        run.clear();
      }
      put_run(run.data(), run.size());
    }
  }

  /// Takes the oldest item; waits for one.
  /// \throws Empty if `timeout` passes first, ShutDown after `shutdown` once the queue is empty,
  /// ValueError after `close`; what the decoding of the item throws: the item is gone then
  T get(Timeout timeout = {}) const {
    return take<T>(timeout, [](Outcome outcome) -> T { detail::throw_not_got(outcome); });
  }
  template <std::same_as<bool> B>
  T get(B block, Timeout timeout = {}) const {
    return get(block ? timeout : Timeout::zero());
  }
  T get_nowait() const { return get(Timeout::zero()); }

  /// As `get`, but nullopt instead of Empty.
  std::optional<T> try_get(Timeout timeout = Timeout::zero()) const {
    return take<std::optional<T>>(timeout, [](Outcome outcome) -> std::optional<T> {
      if (outcome == Outcome::shut_down) detail::throw_not_got(outcome);
      return std::nullopt;
    });
  }

  /// Waits for an item, then takes up to `max` of those that are there.
  /// \throws Empty, ShutDown, ValueError as `get`. What goes wrong behind the first item, such as
  /// one that cannot be decoded, is thrown by this process's next get: those before it are not lost
  std::vector<T> get_many(std::size_t max, Timeout timeout = {}) const {
    std::vector<T> items;
    while (items.size() < max) {
      Outcome outcome = Outcome::in_vain;
      try {
        outcome = get_some(items, max - items.size(), items.empty() ? timeout : Timeout::zero());
      } catch (...) {
        if (items.empty()) throw;
        bytes_.throw_next_time(std::current_exception());
      }
      if (outcome != Outcome::done && items.empty()) detail::throw_not_got(outcome);
      if (outcome != Outcome::done) break;
    }
    return items;
  }

  /// Room for one item of `n` elements in the memory in which it will travel, to be filled and put.
  /// Blocks only while memory is looked for. \throws ArenaExhausted, ValueError after `close`
  [[nodiscard]] Loan<T> loan(std::size_t n = 1) const
    requires kPlain
  {
    return Loan<T>(bytes_, n);
  }
  /// Appends what was filled in, without a copy. If it fails, the loan is as it was.
  /// \throws as `put` of an item; ValueError if it was put before or made by another process
  void put(Loan<T>&& loan, Timeout timeout = {}) const
    requires kPlain
  {
    const Outcome outcome = bytes_.put(loan.bytes(), timeout);
    if (outcome != Outcome::done) detail::throw_not_put(outcome);
  }
  /// Takes the oldest item to be read where it lies: of as many elements as were put at once.
  /// \throws as `get`
  [[nodiscard]] View<T> get_view(Timeout timeout = {}) const
    requires kPlain
  {
    detail::QueueView view;
    const Outcome outcome = bytes_.get(view, timeout);
    if (outcome != Outcome::done) detail::throw_not_got(outcome);
    return View<T>(std::move(view));
  }

  /// How many items are in the queue; as the next two, stale as soon as it is known.
  [[nodiscard]] std::size_t qsize() const { return bytes_.size(); }
  /// True if there was a moment, during the call, at which the queue held nothing.
  [[nodiscard]] bool empty() const { return bytes_.empty(); }
  /// True if there was a moment at which `maxsize` items were in it, or were being put.
  [[nodiscard]] bool full() const { return bytes_.full(); }

  /// A descriptor for poll, epoll and event loops: readable while the queue holds something or is
  /// shut down. It may be readable in vain, so take with `try_get`; one that finds nothing makes it
  /// unreadable. Never read or close it. It is this process's: a forked child calls fileno() anew.
  /// \throws ValueError after `close`, std::system_error if there is no descriptor left
  [[nodiscard]] int fileno() const { return bytes_.fileno(); }

  /// This process will neither put nor get any more: both throw ValueError from now on.
  void close() const { bytes_.close(); }
  /// There is no feeder thread to wait for. \throws ValueError unless closed
  void join_thread() const { bytes_.join_thread(); }
  void cancel_join_thread() const noexcept {}

  /// No more items: who puts gets ShutDown at once, who gets, when the queue is empty. `immediate`
  /// drops what is in it. A put that runs at the same moment may still be in time.
  void shutdown(bool immediate = false) const { bytes_.shutdown(immediate); }

  /// Gets an item at each step; ends at shutdown.
  class Iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = T;
    using difference_type = std::ptrdiff_t;

    explicit Iterator(const Queue& queue) : queue_(&queue) { ++*this; }
    T& operator*() const noexcept { return *item_; }
    Iterator& operator++() {
      item_ = queue_->next();
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const Iterator& it, std::default_sentinel_t) noexcept {
      return !it.item_.has_value();
    }

   private:
    const Queue* queue_;
    mutable std::optional<T> item_;
  };
  Iterator begin() const { return Iterator(*this); }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

  [[nodiscard]] detail::HandleId handle_id() const noexcept { return bytes_.id(); }
  /// For the library's own use.
  [[nodiscard]] const detail::ByteQueue& bytes() const noexcept { return bytes_; }
  /// \throws ValueError if the queue is gone.
  static Queue from_handle_id(detail::HandleId id) { return Queue(detail::ByteQueue::from_id(id)); }
  friend bool operator==(const Queue&, const Queue&) noexcept = default;

 protected:
  explicit Queue(detail::ByteQueue bytes) noexcept : bytes_(std::move(bytes)) {
    detail::require_transferable<T>();
  }

 private:
  using Outcome = detail::QueueOutcome;
  static constexpr bool kInline = kPlain && sizeof(T) <= detail::kQueueRoom;
  static constexpr std::size_t kRun = 64;
  // A T that may lack a default constructor, and is no bool of a std::vector<bool>.
  union Cell {
    Cell() noexcept {}  // NOLINT: filled byte by byte
    explicit Cell(const T& item) : value(item) {}
    T value;
  };

  Outcome append(const T& item, Timeout timeout) const {
    if constexpr (kPlain) {
      return bytes_.put(std::addressof(item), sizeof(T), timeout);
    } else {
      detail::OutgoingMessage outgoing;
      detail::encode_value(outgoing.writer(), item);
      return bytes_.put(outgoing, timeout);
    }
  }

  template <class R, class Missed>
  R take(Timeout timeout, Missed missed) const {
    if constexpr (kPlain && !kInline && alignof(T) <= detail::kQueueAlignment) {
      detail::QueueView view;
      const Outcome outcome = bytes_.get(view, timeout);
      if (outcome != Outcome::done) return missed(outcome);
      return R(*reinterpret_cast<const T*>(view.data_of(sizeof(T))));
    } else if constexpr (kPlain) {
      Cell cell;
      const Outcome outcome = bytes_.get(&cell, sizeof(T), timeout);
      return outcome == Outcome::done ? R(cell.value) : missed(outcome);
    } else {
      detail::IncomingItem incoming;
      const Outcome outcome = bytes_.get(incoming, timeout);
      if (outcome != Outcome::done) return missed(outcome);
      detail::Reader reader = incoming.reader();
      return R(detail::decode_value<T>(reader));
    }
  }

  std::optional<T> next() const {
    return take<std::optional<T>>({}, [](Outcome) -> std::optional<T> { return std::nullopt; });
  }

  Outcome get_some(std::vector<T>& items, std::size_t max, Timeout timeout) const {
    if constexpr (kInline) {
      std::array<Cell, kRun> cells;
      std::size_t count = std::min(max, kRun);
      if (items.capacity() < items.size() + count)  // before anything is taken
        items.reserve(items.size() + std::min(max, items.size() + 4 * kRun));
      const Outcome outcome = bytes_.get_run(cells.data(), sizeof(T), count, timeout);
      if (outcome != Outcome::done) return outcome;
      for (std::size_t i = 0; i < count; ++i) items.push_back(cells[i].value);
      return outcome;
    } else {
      if (items.size() == items.capacity())  // before anything is taken
        items.reserve(items.size() + std::min(max, std::max(bytes_.size(), items.size() + 1)));
      Outcome result = Outcome::done;
      std::optional<T> item = take<std::optional<T>>(timeout, [&](Outcome outcome) {
        result = outcome;
        return std::optional<T>();
      });
      if (item) items.push_back(std::move(*item));
      return result;
    }
  }

  void put_run(const void* items, std::size_t count) const {
    std::size_t done = 0;
    const Outcome outcome = bytes_.put_run(items, sizeof(T), count, done);
    if (outcome != Outcome::done) detail::throw_not_put(outcome);
  }

  detail::ByteQueue bytes_;
};

}  // namespace multiprocessing

template <class T>
struct std::hash<multiprocessing::Queue<T>> {
  std::size_t operator()(const multiprocessing::Queue<T>& queue) const noexcept {
    return std::hash<std::uint64_t>{}(queue.handle_id().value);
  }
};
