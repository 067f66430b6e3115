#pragma once

/// \file multiprocessing/detail/map_stream.hpp
/// The lazy range that Executor::map returns.
///
///   sharing   belongs to the process of its executor
///   threads   one thread reads it
///   ordering  what the task wrote is visible when its item comes out
///   death     of a worker process: its items are WorkerDied, the others come out

#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <multiprocessing/detail/executor.hpp>
#include <multiprocessing/detail/stream_iterator.hpp>
#include <multiprocessing/errors.hpp>

namespace multiprocessing::detail {

/// Calls `f` for each tuple of a chunk; a task of its own.
template <class F, class... Items>
struct ChunkCall {
  using R = call_result_t<F, Items...>;
  static std::vector<Kept_t<R>> run(F function, std::vector<std::tuple<Items...>> chunk) {
    std::vector<Kept_t<R>> results;
    results.reserve(chunk.size());
    for (auto& item : chunk) {
      if constexpr (std::is_void_v<R>) {
        apply_task(function, item);
        results.emplace_back();
      } else {
        results.push_back(apply_task(function, item));
      }
    }
    return results;
  }
};

template <class F, class... Views>
class MapStream {
  template <class View>
  using Item = stored_t<std::ranges::range_value_t<View>>;
  using R = call_result_t<F, Item<Views>...>;
  using Inputs = std::tuple<Views...>;
  using Places = std::tuple<std::ranges::iterator_t<Views>...>;

 public:
  using value_type = Kept_t<R>;

  using Iterator = StreamIterator<MapStream, value_type>;

  MapStream(Executor& executor, F function, const MapOptions& options, Views... views) {
    if (options.chunksize < 1) {
      throw ValueError("chunksize must be >= 1, not " + std::to_string(options.chunksize));
    }
    if (options.buffersize.value_or(1) < 1) {
      throw ValueError("buffersize must be empty or > 0, not " +
                       std::to_string(*options.buffersize));
    }
    state_ = std::make_unique<State>(executor, std::move(function), options,
                                     Inputs(std::move(views)...));
    state_->fill();
    state_->throw_if_refused();
  }

  /// The next result, or nullopt after the last one. What its task has thrown is thrown; the next
  /// call goes on after it. \throws TimeoutError, which is its end: what has not begun is cancelled
  std::optional<value_type> next() { return state_->next(); }

  Iterator begin() {
    advance();
    return Iterator(*this);
  }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

  /// How many results and failures have come out, and of which element the last one was.
  [[nodiscard]] std::size_t results() const noexcept { return state_->results; }
  [[nodiscard]] std::size_t last_index() const noexcept { return state_->results - 1; }

 private:
  friend class StreamIterator<MapStream, value_type>;
  [[nodiscard]] bool at_end() const noexcept { return !state_->current.has_value(); }
  [[nodiscard]] auto& here() noexcept { return *state_->current; }

  using Chunk = std::vector<Kept_t<R>>;

  struct State {
    State(Executor& on, F f, const MapOptions& with, Inputs in)
        : executor(on),
          function(std::move(f)),
          chunk(static_cast<std::size_t>(with.chunksize)),
          window(with.buffersize ? static_cast<std::size_t>(*with.buffersize)
                                 : kAhead * on.worker_limit()),
          deadline(with.timeout.deadline()),
          inputs(std::move(in)) {}
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() { give_up(); }

    // What has not begun is cancelled, and nothing more comes out.
    void give_up() {
      for (const auto& future : out) (void)future.cancel();
      for (const auto& future : out_chunks) (void)future.cancel();
      out.clear();
      out_chunks.clear();
      unsent.reset();
      unsent_chunk.clear();
      exhausted = true;
    }

    static constexpr std::size_t kAhead = 4;

    template <std::size_t... I>
    std::optional<std::tuple<Item<Views>...>> read(std::index_sequence<I...>) {
      if (!places) {
        places.emplace(std::ranges::begin(std::get<I>(inputs))...);
      } else {
        (++std::get<I>(*places), ...);
      }
      if ((... || (std::get<I>(*places) == std::ranges::end(std::get<I>(inputs))))) {
        exhausted = true;
        return std::nullopt;
      }
      return std::tuple<Item<Views>...>(*std::get<I>(*places)...);
    }
    // What the input throws comes out after the items before it.
    std::optional<std::tuple<Item<Views>...>> read_one() {
      try {
        return read(std::index_sequence_for<Views...>{});
      } catch (...) {
        input_error = std::current_exception();
        exhausted = true;
        return std::nullopt;
      }
    }

    // What submitting throws comes out after the results of what was submitted before, and is the
    // end: the executor was shut down, or there is no memory.
    void fill() {
      try {
        while ((!exhausted || unsent || !unsent_chunk.empty()) &&
               out.size() + out_chunks.size() < window) {
          chunk == 1 ? fill_one() : fill_chunk();
        }
      } catch (const KeyboardInterrupt&) {  // what was read is submitted by the next call
        throw;
      } catch (...) {
        refused = true;
        input_error = std::current_exception();
        exhausted = true;
        unsent.reset();
        unsent_chunk.clear();
      }
    }
    void throw_if_refused() const {
      if (refused && out.empty() && out_chunks.empty()) std::rethrow_exception(input_error);
    }
    void fill_one() {
      if (!unsent) unsent = read_one();
      if (!unsent) return;
      out.push_back(std::apply(
          [&](auto&... arg) { return executor.submit(function, std::move(arg)...); }, *unsent));
      unsent.reset();
    }
    void fill_chunk() {
      while (!exhausted && unsent_chunk.size() < chunk) {
        if (auto item = read_one()) unsent_chunk.push_back(std::move(*item));
      }
      if (unsent_chunk.empty()) return;
      out_chunks.push_back(
          executor.submit(&ChunkCall<F, Item<Views>...>::run, function, std::move(unsent_chunk)));
      unsent_chunk.clear();
    }

    std::optional<value_type> next() {
      if (ready_at < ready.size()) {
        ++results;
        return std::move(ready[ready_at++]);
      }
      fill();
      if (!out.empty()) return take_one();
      if (!out_chunks.empty()) return take_chunk();
      if (input_error) std::rethrow_exception(std::exchange(input_error, nullptr));
      return std::nullopt;
    }
    template <class Out>
    auto take_first(Out& futures) {
      try {
        FutureAccess::await(futures.front(), deadline);
      } catch (const TimeoutError&) {
        give_up();
        throw;
      }
      auto first = std::move(futures.front());
      futures.pop_front();
      ++results;
      return first;
    }
    std::optional<value_type> take_one() {
      Future<R> first = take_first(out);
      if constexpr (std::is_void_v<R>) {
        std::move(first).result();
        return std::monostate{};
      } else {
        return std::move(first).result();
      }
    }
    std::optional<value_type> take_chunk() {
      Future<Chunk> first = take_first(out_chunks);
      ready = std::move(first).result();
      ready_at = 0;
      return std::move(ready[ready_at++]);
    }

    Executor& executor;
    F function;
    const std::size_t chunk;
    const std::size_t window;
    const std::int64_t deadline;
    Inputs inputs;
    std::optional<Places> places;
    bool exhausted = false;
    std::optional<std::tuple<Item<Views>...>> unsent;
    std::vector<std::tuple<Item<Views>...>> unsent_chunk;
    std::exception_ptr input_error;
    bool refused = false;  // that was no fault of the input
    std::deque<Future<R>> out;
    std::deque<Future<Chunk>> out_chunks;
    Chunk ready;
    std::size_t ready_at = 0;
    std::size_t results = 0;
    std::optional<value_type> current;
  };

  void advance() { state_->current = state_->next(); }

  std::unique_ptr<State> state_;
};

}  // namespace multiprocessing::detail
