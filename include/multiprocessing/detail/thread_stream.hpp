#pragma once

/// \file multiprocessing/detail/thread_stream.hpp
/// imap on the threads of a ThreadPool.
///
///   threads   one thread reads a stream
///   ordering  what a call wrote is visible when its result comes out
///   death     with the process

#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <multiprocessing/detail/bell.hpp>
#include <multiprocessing/detail/stream_iterator.hpp>
#include <multiprocessing/detail/thread_map.hpp>

namespace multiprocessing::detail {

/// The lazy range of imap and imap_unordered.
template <class F, std::ranges::view V, bool kOrdered>
class ThreadStream {
  using Item = item_t<V>;
  using R = local_item_t<false, F, Item>;

 public:
  using value_type = Kept_t<R>;

  using Iterator = StreamIterator<ThreadStream, value_type>;

  ThreadStream(Threads threads, F function, V input, std::int64_t chunk) {
    if (chunk < 1) throw ValueError("Chunksize must be 1+, not " + std::to_string(chunk));
    state_ = std::make_unique<State>(std::move(threads), std::move(function), std::move(input),
                                     static_cast<std::size_t>(chunk));
    state_->fill();
  }

  /// As of the stream of a Pool. \throws TimeoutError
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
  friend class StreamIterator<ThreadStream, value_type>;
  [[nodiscard]] bool at_end() const noexcept { return !state_->current.has_value(); }
  [[nodiscard]] auto& here() noexcept { return *state_->current; }

  struct Out {
    std::size_t index;
    std::shared_ptr<LocalFuture<R>> future;
  };

  // Some items, each with a future of its own.
  struct Task final : LocalTask {
    explicit Task(F f) : function(std::move(f)) {}
    void run() noexcept override {
      for (std::size_t i = 0; i < items.size(); ++i) {
        if (!futures[i]->start()) continue;
        std::optional<Kept_t<R>> value;
        std::exception_ptr error = call(i, value);
        if (i + 1 == items.size()) function.reset();  // before anybody sees the last result
        if (error) {
          futures[i]->fail_with(std::move(error));
        } else {
          futures[i]->succeed(std::move(*value));
        }
      }
    }
    // What it has thrown; nullptr: there is a value. The item is let go.
    std::exception_ptr call(std::size_t i, std::optional<Kept_t<R>>& value) noexcept {
      const LocalStop stop(*futures[i], INT64_MAX);
      try {
        Item item = std::move(items[i]);
        if constexpr (std::is_void_v<R>) {
          call_item<false>(*function, item);
          value.emplace();
        } else {
          value.emplace(call_item<false>(*function, item));
        }
        return nullptr;
      } catch (...) {
        return std::current_exception();
      }
    }
    void fail(const std::exception_ptr& error) noexcept override {
      for (const auto& future : futures) {
        if (future->start()) future->fail_with(error);
      }
    }
    void drop() noexcept override {
      for (const auto& future : futures) (void)future->cancel(false);
    }
    std::optional<F> function;
    std::vector<Item> items;
    std::vector<std::shared_ptr<LocalFuture<R>>> futures;
  };

  struct State {
    State(Threads on, F f, V in, std::size_t each)
        : threads(std::move(on)), function(std::move(f)), input(std::move(in)), chunk(each) {}
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() {
      for (const Out& item : out) (void)item.future->cancel(false);
    }

    void read(Task& task) {
      try {
        while (!exhausted && task.items.size() < chunk) {
          if (!at) {
            at.emplace(std::ranges::begin(input));
          } else {
            ++*at;
          }
          exhausted = *at == std::ranges::end(input);
          if (!exhausted) task.items.emplace_back(**at);
        }
      } catch (...) {
        input_error = std::current_exception();
        exhausted = true;
      }
    }

    void fill() {
      while (!exhausted && out.size() < 4 * chunk * thread_count(*threads)) {
        auto task = std::make_shared<Task>(function);
        read(*task);
        if (task->items.empty()) return;
        for (std::size_t i = 0; i < task->items.size(); ++i) {
          task->futures.push_back(std::make_shared<LocalFuture<R>>());
          out.push_back({read_so_far++, task->futures.back()});
        }
        post_task(*threads, std::move(task), 0);
      }
    }

    bool look() {
      for (chosen = 0; chosen < out.size(); ++chosen) {
        if (out[chosen].future->done()) return true;
        if (kOrdered) return false;
      }
      return false;
    }

    std::optional<value_type> next(std::int64_t deadline) {
      fill();
      if (out.empty()) {
        if (input_error) std::rethrow_exception(std::exchange(input_error, nullptr));
        return std::nullopt;
      }
      const auto ended = [](void* self) { return static_cast<State*>(self)->look(); };
      const bool there =
          kOrdered ? out.front().future->wait(deadline) : wait_for_bell(ended, this, deadline);
      if (!there)
        throw TimeoutError(
            "the next result has not come in time (call next() again; the task goes on)");
      const Out taken = std::move(out[chosen]);
      out.erase(out.begin() + static_cast<std::ptrdiff_t>(chosen));
      last = taken.index;
      ++results;
      chosen = 0;
      return taken.future->take(true);
    }

    Threads threads;
    F function;
    V input;
    const std::size_t chunk;
    std::optional<std::ranges::iterator_t<V>> at;
    bool exhausted = false;
    std::exception_ptr input_error;
    std::deque<Out> out;
    std::size_t chosen = 0;
    std::size_t read_so_far = 0;
    std::size_t last = 0;
    std::size_t results = 0;
    std::optional<value_type> current;
  };

  void advance() { state_->current = state_->next(INT64_MAX); }

  std::unique_ptr<State> state_;
};

}  // namespace multiprocessing::detail
