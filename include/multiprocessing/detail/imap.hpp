#pragma once

/// \file multiprocessing/detail/imap.hpp
/// The lazy range that imap and imap_unordered return.
///
///   sharing   belongs to the process that made the Pool
///   threads   one thread reads it
///   ordering  what the task wrote is visible when its item comes out
///   death     of a worker: that item is WorkerDied, the others come out

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <ranges>
#include <string>
#include <utility>
#include <vector>

#include <multiprocessing/detail/imap_window.hpp>
#include <multiprocessing/detail/pool_map.hpp>
#include <multiprocessing/detail/stream_iterator.hpp>
#include <multiprocessing/detail/timeout.hpp>

namespace multiprocessing::detail {

template <class F, std::ranges::view V, bool kOrdered>
class ItemStream {
  using Item = item_t<V>;
  using Maker = JobMaker<false, F, std::vector<Item>>;
  using R = typename Maker::R;

 public:
  using value_type = Kept_t<R>;

  using Iterator = StreamIterator<ItemStream, value_type>;

  ItemStream(PoolCore core, F function, V input, std::int64_t chunk) {
    if (chunk < 1) throw ValueError("Chunksize must be 1+, not " + std::to_string(chunk));
    require_open(*core);
    state_ = std::make_shared<State>(std::move(core), std::move(function), std::move(input),
                                     static_cast<std::uint64_t>(chunk));
    open_stream(*state_->core, [](void* state) { static_cast<State*>(state)->read_all(); }, state_);
    state_->begin();
  }
  ItemStream(ItemStream&&) noexcept = default;
  ItemStream& operator=(ItemStream&&) noexcept = default;

  /// The next result, or nullopt after the last one. An item whose task has thrown throws that; the
  /// next call goes on after it. \throws TimeoutError
  std::optional<value_type> next(Timeout timeout = {}) { return state_->next(timeout.deadline()); }

  Iterator begin() {
    advance();
    return Iterator(*this);
  }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

  /// How many results and failures have come out, and of which element the last one was.
  [[nodiscard]] std::size_t results() const noexcept { return state_->results; }
  [[nodiscard]] std::size_t last_index() const noexcept { return state_->last; }

 private:
  friend class StreamIterator<ItemStream, value_type>;
  [[nodiscard]] bool at_end() const noexcept { return !state_->current.has_value(); }
  [[nodiscard]] auto& here() noexcept { return *state_->current; }

  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::microseconds kLongRead{50};

  // Chunks that were submitted together, as one job.
  struct Batch {
    Ticket ticket;
    std::uint64_t items = 0;
    std::uint64_t first = 0;                // index of its first element in the input
    std::uint64_t given = 0;                // results that have come out
    std::vector<std::uint32_t> given_in{};  // the same by chunk, if they come in any order
    Clock::time_point since{};
  };

  struct State {
    State(PoolCore pool, F f, V in, std::uint64_t each)
        : core(std::move(pool)),
          function(std::move(f)),
          input(std::move(in)),
          chunk(each),
          window(pool_size(*core)) {}
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() {
      close_stream(*core, this);
      for (const Batch& batch : batches) release_ticket(*core, batch.ticket);
    }

    void begin() {
      const std::lock_guard guard(lock);
      fill();
    }

    // For who joins the pool.
    void read_all() {
      const std::lock_guard guard(lock);
      while (!exhausted || !items.empty()) {
        read(window.batch());
        submit();
      }
      close_stream(*core, this);
    }

    // Reads up to so many chunks, fewer if the input is slow: what was read shall not wait for what
    // is still to come. What the input throws comes out after the items before it.
    void read(std::size_t chunks) {
      const auto since = Clock::now();
      try {
        while (!exhausted && items.size() < chunks * chunk) {
          if (items.size() % chunk == 0 && !items.empty() && Clock::now() - since > kLongRead)
            return;
          read_one();
        }
      } catch (...) {
        input_error = std::current_exception();
        exhausted = true;
      }
    }

    void read_one() {
      if (!at) {
        at.emplace(std::ranges::begin(input));
      } else if (consumed) {
        ++*at;
      }
      consumed = false;
      if (*at == std::ranges::end(input)) {
        exhausted = true;
        return;
      }
      items.emplace_back(**at);
      consumed = true;
    }

    // As one job. If that fails, the items stay.
    void submit() {
      if (items.empty()) return;
      const std::uint64_t count = items.size();
      const std::uint64_t chunks = (count + chunk - 1) / chunk;
      Maker maker(*core, function, chunk, true);
      maker.goes_on();
      Batch batch{{}, count, submitted, 0, {}, {}};
      if constexpr (!kOrdered) batch.given_in.resize(chunks);
      batches.emplace_back(std::move(batch));
      try {
        batches.back().ticket = maker.submit(items, count);
      } catch (...) {
        batches.pop_back();
        throw;
      }
      batches.back().since = Clock::now();
      out += chunks;
      submitted += count;
      items.clear();
    }

    void fill() {
      while ((!exhausted || !items.empty()) &&
             (batches.empty() || out + window.batch() <= window.chunks())) {
        if (items.empty()) read(window.batch());
        submit();
      }
      if (exhausted && items.empty()) close_stream(*core, this);
    }

    bool look() {
      if constexpr (kOrdered) {
        return item_ended(*core, batches.front().ticket, batches.front().given);
      } else {
        return look_anywhere();
      }
    }

    // From where the last one was found: results come about in the order of the items.
    bool look_anywhere() {
      for (std::size_t i = 0; i < batches.size(); ++i, ++chosen, place = 0) {
        if (chosen >= batches.size()) chosen = 0;
        Batch& batch = batches[chosen];
        for (std::size_t j = 0; j < batch.given_in.size(); ++j, ++place) {
          if (place >= batch.given_in.size()) place = 0;
          const std::uint64_t first = place * chunk;
          const std::uint64_t length = std::min(chunk, batch.items - first);
          if (batch.given_in[place] == length) continue;
          if (item_ended(*core, batch.ticket, first + batch.given_in[place])) return true;
        }
      }
      return false;
    }

    std::optional<value_type> next(std::int64_t deadline) {
      const std::lock_guard guard(lock);
      try {
        fill();
      } catch (...) {
        if (batches.empty()) throw;
      }
      if (batches.empty()) {
        if (input_error) std::rethrow_exception(std::exchange(input_error, nullptr));
        return std::nullopt;
      }
      const auto ended = [](void* self) { return static_cast<State*>(self)->look(); };
      if (!wait_items(*core, ended, this, deadline))
        throw TimeoutError("the next result is late (call next() again; the task goes on)");
      if constexpr (kOrdered) {
        return take(batches.front().given);
      } else {
        return take(place * chunk + batches[chosen].given_in[place]++);
      }
    }

    std::optional<value_type> take(std::uint64_t item) {
      const Finish finish{*this};
      const Ticket ticket = batches[chosen].ticket;
      ++batches[chosen].given;
      ++results;
      last = batches[chosen].first + item;
      if (item_failed(*core, ticket, item)) {
        std::rethrow_exception(item_error(*core, ticket, item, name_of_task(function)));
      }
      if constexpr (std::is_void_v<R>) {
        return std::monostate{};
      } else {
        return load_item<R>(*core, ticket, item);
      }
    }

    // Lets go of a batch whose last result has come out, also by an exception.
    struct Finish {
      State& state;
      explicit Finish(State& of) noexcept : state(of) {}
      Finish(const Finish&) = delete;
      Finish& operator=(const Finish&) = delete;
      ~Finish() {
        const auto done = state.batches.begin() + static_cast<std::ptrdiff_t>(state.chosen);
        if (done->given < done->items) return;
        const std::uint64_t chunks = (done->items + state.chunk - 1) / state.chunk;
        release_ticket(*state.core, done->ticket);
        state.out -= chunks;
        state.window.passed(chunks, Clock::now() - done->since);
        state.batches.erase(done);
        state.place = 0;
      }
    };

    PoolCore core;
    std::mutex lock;  // guards what follows: who joins the pool reads on
    F function;
    V input;
    const std::uint64_t chunk;
    Window window;
    std::optional<std::ranges::iterator_t<V>> at;
    bool consumed = false;  // the element at `at` was read
    bool exhausted = false;
    std::exception_ptr input_error;
    std::vector<Item> items;  // read, and not submitted
    std::deque<Batch> batches;
    std::uint64_t submitted = 0;  // elements
    std::size_t results = 0;
    std::size_t last = 0;    // index of the element whose result came out last
    std::size_t out = 0;     // chunks in them
    std::size_t chosen = 0;  // the batch to look at first; 0 if the results come in order
    std::size_t place = 0;   // the chunk in it
    std::optional<value_type> current;
  };

  void advance() { state_->current = next(); }

  std::shared_ptr<State> state_;
};

}  // namespace multiprocessing::detail
