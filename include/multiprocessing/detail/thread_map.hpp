#pragma once

/// \file multiprocessing/detail/thread_map.hpp
/// map on the threads of a ThreadPool.
///
///   threads   the items of a map are done by several
///   ordering  what a call wrote is visible when its result is there
///   death     with the process

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <ranges>
#include <type_traits>
#include <utility>
#include <vector>

#include <multiprocessing/detail/local_task.hpp>
#include <multiprocessing/detail/pool_map.hpp>
#include <multiprocessing/detail/thread_engine.hpp>

namespace multiprocessing::detail {

/// Calls `function` with an item, or with the fields of a tuple.
template <bool kStar, class F, class Item>
decltype(auto) call_item(F& function, Item& item) {
  if constexpr (kStar) {
    return apply_task(function, item);
  } else if constexpr (std::is_invocable_v<F&, Item>) {
    return std::invoke(function, std::move(item));
  } else {
    return std::invoke(function, item);
  }
}

template <bool kStar, class F, class Item>
using local_item_t =
    std::decay_t<decltype(call_item<kStar>(std::declval<F&>(), std::declval<Item&>()))>;

/// The result of a whole map; its chunks are tasks.
template <bool kStar, class F, class Item>
class ThreadMap final : public LocalFuture<map_answer_t<local_item_t<kStar, F, Item>>> {
 public:
  using R = local_item_t<kStar, F, Item>;

  ThreadMap(F function, std::vector<Item> items, std::size_t chunks)
      : function_(std::move(function)),
        items_(std::move(items)),
        results_(items_.size()),
        left_(chunks) {}

  void run(std::size_t first, std::size_t last) noexcept {
    run_items(first, last);
    end_chunk();
  }
  void fail_chunk(std::size_t first, const std::exception_ptr& error) noexcept {
    note(first, error);
    end_chunk();
  }

 private:
  void run_items(std::size_t first, std::size_t last) noexcept {
    const LocalStop stop(*this, INT64_MAX);
    F function = *function_;
    for (std::size_t i = first; i < last; ++i) {
      try {
        if constexpr (std::is_void_v<R>) {
          call_item<kStar>(function, items_[i]);
        } else {
          results_[i].emplace(call_item<kStar>(function, items_[i]));
        }
      } catch (...) {
        note(i, std::current_exception());
      }
    }
  }

  // The first in the order of the items counts.
  void note(std::size_t item, std::exception_ptr error) noexcept {
    const std::lock_guard guard(noting_);
    if (error_ && error_at_ <= item) return;
    error_ = std::move(error);
    error_at_ = item;
  }

  void end_chunk() noexcept {
    // acq_rel: who ends the last chunk sees the results of all
    if (left_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    function_.reset();  // what it held, and the items, are let go before anybody sees the results
    items_ = {};
    auto results = std::exchange(results_, {});
    if (!this->start()) return;
    if (error_) return this->fail_with(error_);
    if constexpr (std::is_void_v<R>) {
      this->succeed();
    } else {
      std::vector<R> values;
      values.reserve(results.size());
      for (auto& result : results) values.push_back(std::move(*result));
      this->succeed(std::move(values));
    }
  }

  std::optional<F> function_;
  std::vector<Item> items_;
  std::vector<std::optional<Kept_t<R>>> results_;
  std::atomic<std::size_t> left_;
  std::mutex noting_;  // guards these
  std::exception_ptr error_;
  std::size_t error_at_ = 0;
};

template <class Map>
class ThreadChunk final : public LocalTask {
 public:
  ThreadChunk(std::shared_ptr<Map> map, std::size_t first, std::size_t last) noexcept
      : map_(std::move(map)), first_(first), last_(last) {}
  void run() noexcept override { map_->run(first_, last_); }
  void fail(const std::exception_ptr& error) noexcept override { map_->fail_chunk(first_, error); }
  void drop() noexcept override { map_->fail_chunk(first_, pool_terminated()); }
  void bequeath() noexcept override { map_->share_if_possible(); }

 private:
  std::shared_ptr<Map> map_;
  std::size_t first_;
  std::size_t last_;
};

template <bool kStar, class F, class Range>
auto map_on_threads(const Threads& threads, const F& function, Range& range, std::int64_t wanted) {
  using Item = item_t<Range>;
  using Map = ThreadMap<kStar, F, Item>;
  using Answer = map_answer_t<typename Map::R>;
  std::vector<Item> items;
  for (auto&& element : range) items.emplace_back(std::forward<decltype(element)>(element));
  const auto each =
      static_cast<std::size_t>(chunk_size(wanted, items.size(), thread_count(*threads)));
  const std::size_t count = items.size();
  auto map = std::make_shared<Map>(function, std::move(items), (count + each - 1) / each);
  if (count == 0) {
    (void)map->start();
    map->succeed();
  }
  for (std::size_t i = 0; i < count; i += each) {
    try {
      post_task(*threads, std::make_shared<ThreadChunk<Map>>(map, i, std::min(i + each, count)), 0);
    } catch (...) {
      if (i == 0) throw;
      map->fail_chunk(i, std::current_exception());
    }
  }
  return std::shared_ptr<FutureOf<Answer>>(std::move(map));
}

}  // namespace multiprocessing::detail
