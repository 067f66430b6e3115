#pragma once

/// \file multiprocessing/detail/imap.hpp
/// The lazy range that imap and imap_unordered return.
///
///   sharing   belongs to the process that made the Pool
///   threads   one thread reads it
///   ordering  what the task wrote is visible when its item comes out
///   death     of a worker: that item is WorkerDied, the others come out

#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <utility>
#include <vector>

#include <multiprocessing/detail/pool_map.hpp>
#include <multiprocessing/detail/timeout.hpp>

namespace multiprocessing::detail {

/// Chunks that are out at the most, for each worker.
inline constexpr std::size_t kAhead = 4;

template <class F, std::ranges::view V, bool kOrdered>
class ItemStream {
  using Item = item_t<V>;
  using Maker = JobMaker<false, F, std::vector<Item>>;
  using R = typename Maker::R;

 public:
  using value_type = Kept_t<R>;

  class Iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = typename ItemStream::value_type;
    using difference_type = std::ptrdiff_t;

    Iterator() noexcept = default;
    explicit Iterator(ItemStream& stream) noexcept : stream_(&stream) {}
    value_type& operator*() const noexcept { return *stream_->state_->current; }
    /// \throws what the item's task has thrown; the next call goes on with the item after it
    Iterator& operator++() {
      stream_->advance();
      return *this;
    }
    void operator++(int) { stream_->advance(); }
    friend bool operator==(const Iterator& it, std::default_sentinel_t) noexcept {
      return it.at_end();
    }

   private:
    [[nodiscard]] bool at_end() const noexcept { return !stream_->state_->current.has_value(); }

    ItemStream* stream_ = nullptr;
  };

  ItemStream(PoolCore core, F function, V input, std::int64_t chunk)
      : state_(std::make_unique<State>(std::move(core), std::move(function), std::move(input))) {
    if (chunk < 1) throw ValueError("Chunksize must be 1+, not " + std::to_string(chunk));
    require_open(*state_->core);
    state_->chunk = static_cast<std::uint64_t>(chunk);
    state_->fill();
  }

  /// The next result, or nullopt after the last one. An item whose task has thrown throws that; the
  /// next call goes on after it. \throws TimeoutError
  std::optional<value_type> next(Timeout timeout = {}) { return state_->next(timeout.deadline()); }

  Iterator begin() {
    advance();
    return Iterator(*this);
  }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

 private:
  struct Chunk {
    Ticket ticket;
    std::uint64_t items = 0;
    std::uint64_t given = 0;  // results that have come out
  };

  struct State {
    State(PoolCore pool, F f, V in)
        : core(std::move(pool)), function(std::move(f)), input(std::move(in)) {}
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() {
      for (const Chunk& out : window) release_ticket(*core, out.ticket);
    }

    // Reads up to one chunk of input. What the input throws comes out after the items before it.
    std::vector<Item> read() {
      std::vector<Item> items;
      try {
        if (!at)
          at.emplace(std::ranges::begin(input));
        else if (consumed)
          ++*at;
        for (consumed = false; *at != std::ranges::end(input);) {
          items.emplace_back(**at);
          consumed = true;
          if (items.size() == chunk) return items;
          ++*at;
          consumed = false;
        }
      } catch (...) {
        input_error = std::current_exception();
      }
      exhausted = true;
      return items;
    }

    void fill() {
      while (!exhausted && window.size() < kAhead * pool_size(*core)) {
        std::vector<Item> items = read();
        if (items.empty()) return;
        const std::uint64_t count = items.size();
        window.push_back({Maker(*core, function, count, true).submit(items, count), count, 0});
      }
    }

    bool look() {
      for (std::size_t i = 0; i < window.size(); ++i) {
        if (item_ended(*core, window[i].ticket, window[i].given)) {
          chosen = i;
          return true;
        }
        if (kOrdered) return false;
      }
      return false;
    }

    std::optional<value_type> next(std::int64_t deadline) {
      fill();
      if (window.empty()) {
        if (input_error) std::rethrow_exception(std::exchange(input_error, nullptr));
        return std::nullopt;
      }
      const auto ended = [](void* self) { return static_cast<State*>(self)->look(); };
      if (!wait_items(*core, ended, this, deadline)) {
        throw TimeoutError("the next result has not come in time");
      }
      return take(window[chosen].given++);
    }

    std::optional<value_type> take(std::uint64_t item) {
      const Ticket ticket = window[chosen].ticket;
      const Finish finish{*this};
      if (const auto error = item_error(*core, ticket, item, name_of_task(function))) {
        std::rethrow_exception(error);
      }
      if constexpr (std::is_void_v<R>) {
        return std::monostate{};
      } else {
        return load_item<R>(*core, ticket, item);
      }
    }

    // Lets go of a chunk whose last result has come out, also by an exception.
    struct Finish {
      State& state;
      explicit Finish(State& of) noexcept : state(of) {}
      Finish(const Finish&) = delete;
      Finish& operator=(const Finish&) = delete;
      ~Finish() {
        const auto out = state.window.begin() + static_cast<std::ptrdiff_t>(state.chosen);
        if (out->given < out->items) return;
        release_ticket(*state.core, out->ticket);
        state.window.erase(out);
      }
    };

    PoolCore core;
    F function;
    V input;
    std::uint64_t chunk = 1;
    std::optional<std::ranges::iterator_t<V>> at;
    bool consumed = false;  // the element at `at` was read
    bool exhausted = false;
    std::exception_ptr input_error;
    std::deque<Chunk> window;
    std::size_t chosen = 0;
    std::optional<value_type> current;
  };

  void advance() { state_->current = next(); }

  std::unique_ptr<State> state_;
};

}  // namespace multiprocessing::detail
