#pragma once

/// \file multiprocessing/detail/pool_map.hpp
/// From a callable and its arguments, or a range of them, to tasks and jobs.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <ranges>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <multiprocessing/detail/async_result.hpp>
#include <multiprocessing/detail/pool_core.hpp>
#include <multiprocessing/detail/pool_job.hpp>
#include <multiprocessing/detail/task_options.hpp>
#include <multiprocessing/errors.hpp>

namespace multiprocessing::detail {

template <class F>
TaskName name_of_task(const F& function) {
  if constexpr (std::is_pointer_v<F>) {
    return {reinterpret_cast<const void*>(function), &function_name, nullptr};
  } else {
    return {nullptr, [](const void*) { return std::string(type_name<F>()); }, nullptr};
  }
}

/// Arrays of such an argument may be received in place, at an address that is a multiple of this.
template <class Arg>
consteval bool lies_wide() {
  if constexpr (PlainArray<Arg>) {
    return alignof(typename Arg::value_type) > 32;
  } else {
    return false;
  }
}

/// True if the task differs from the others of its pool: how, stands before its arguments then.
inline bool put_terms(Writer& out, const TaskOptions& options) {
  if (options.timeout.is_forever() && !options.retry) return false;
  const Terms terms = terms_from(options);
  out.bytes(&terms, sizeof terms);
  return true;
}

template <class F, class... Args>
std::shared_ptr<Pending<task_result_t<F, Args...>>> submit_call(const PoolCore& core,
                                                                const TaskOptions* options, F&& f,
                                                                Args&&... args) {
  using R = task_result_t<F, Args...>;
  OutgoingMessage message;
  Writer& out = message.writer();
  Submission task{CallRunner<std::decay_t<F>, stored_t<Args>...>::token(), &message};
  task.wide = (lies_wide<stored_t<Args>>() || ...);
  if (options != nullptr) {
    task.terms = put_terms(out, *options);
    task.priority = options->priority;
  }
  encode_task(out, f, args...);
  typename Pending<R>::Source source{core, submit_task(*core, task)};
  source.load = [](pool::Core& from, Ticket ended, std::uint64_t) -> Kept_t<R> {
    if constexpr (std::is_void_v<R>) {
      return {};
    } else {
      Reader in(task_result(from, ended));
      return decode_value<R>(in);
    }
  };
  const std::decay_t<F>& kept = f;
  source.name = name_of_task(kept);
  if (options != nullptr && !options->name.empty()) {
    source.name.given = std::make_shared<const std::string>(options->name);
  }
  return std::make_shared<Pending<R>>(std::move(source));
}

/// A range as a stream keeps it: what has a name is referred to, also a generator, which can not be
/// copied; what has none is taken over.
template <class Range>
constexpr auto kept_range(Range&& range) {
  if constexpr (std::is_lvalue_reference_v<Range> && !std::ranges::viewable_range<Range>) {
    return std::ranges::ref_view(range);
  } else {
    return std::views::all(std::forward<Range>(range));
  }
}
template <class Range>
using kept_range_t = decltype(kept_range(std::declval<Range>()));

template <class Range>
using item_t = stored_t<std::ranges::range_value_t<Range>>;

template <class F, class Item, bool kStar>
using item_result_t = typename ItemRunner<F, Item, kStar>::Result;

/// The answer of map: a vector, or nothing.
template <class R>
struct MapAnswer {
  using type = std::vector<R>;
};
template <>
struct MapAnswer<void> {
  using type = void;
};
template <class R>
using map_answer_t = typename MapAnswer<R>::type;

inline std::uint64_t chunk_size(std::int64_t wanted, std::uint64_t items, std::size_t workers) {
  if (wanted < 0)
    throw ValueError("chunksize must not be negative, but is " + std::to_string(wanted));
  if (wanted > 0) return static_cast<std::uint64_t>(wanted);
  const std::uint64_t parts = 4 * workers;
  return std::max<std::uint64_t>(1, (items + parts - 1) / parts);  // as CPython's
}

template <class R>
R load_item(pool::Core& core, Ticket job, std::uint64_t item) {
  if constexpr (PlainResult<R>) {
    alignas(R) std::byte bytes[sizeof(R)];
    std::memcpy(bytes, job_results(core, job) + item * sizeof(R), sizeof(R));
    return *std::launder(reinterpret_cast<R*>(bytes));
  } else {
    Reader in(item_result(core, job, item));
    return decode_value<R>(in);
  }
}

template <class R>
std::vector<R> load_items(pool::Core& core, Ticket job, std::uint64_t items) {
  if constexpr (PlainResult<R> && !std::is_same_v<R, bool>) {
    const auto* first = reinterpret_cast<const R*>(job_results(core, job));
    return std::vector<R>(first, first + items);
  } else {
    std::vector<R> values;
    values.reserve(items);
    for (std::uint64_t i = 0; i < items; ++i) values.push_back(load_item<R>(core, job, i));
    return values;
  }
}

/// One function over many items, `items` of them from `range`, as a job.
template <bool kStar, class F, class Range>
class JobMaker {
 public:
  using Item = item_t<Range>;
  using Runner = ItemRunner<F, Item, kStar>;
  using R = typename Runner::Result;

  JobMaker(pool::Core& core, const F& function, std::uint64_t chunk, bool single_items)
      : core_(core) {
    encode_value(function_, function);
    plan_.runner = Runner::token();
    plan_.chunk_size = chunk;
    plan_.single_items = single_items;
    plan_.function = &function_;
    if constexpr (!PlainResult<R>) {
      plan_.result_blocks = true;
    } else if constexpr (!std::is_void_v<R>) {
      plan_.result_size = sizeof(R);
    }
  }

  /// The pool may have been closed meanwhile.
  void goes_on() noexcept { plan_.goes_on = true; }

  Ticket submit(Range& range, std::uint64_t items) {
    plan_.items = items;
    if constexpr (is_plain_v<Item>) {
      plan_.item_size = sizeof(Item);
      JobDraft draft = draft_job(core_, plan_);
      std::byte* at = draft_items(*draft);
      if constexpr (kCopiedAtOnce) {
        if (items != 0) std::memcpy(at, std::ranges::data(range), items * sizeof(Item));
      } else {
        for (auto&& element : range) {
          const Item item(std::forward<decltype(element)>(element));
          std::memcpy(at, &item, sizeof(Item));
          at += sizeof(Item);
        }
      }
      return submit_job(core_, std::move(draft));
    } else {
      Writer input;
      std::vector<std::uint64_t> offsets;
      std::uint64_t index = 0;
      for (auto&& element : range) {
        if (index++ % plan_.chunk_size == 0) {
          input.align(64);  // so that arrays lie as if the chunk's items were a message
          offsets.push_back(input.size());
        }
        encode_as<Item>(input, element);
      }
      plan_.input = &input;
      plan_.offsets = &offsets;
      return submit_job(core_, draft_job(core_, plan_));
    }
  }

 private:
  static constexpr bool kCopiedAtOnce = [] {
    if constexpr (std::ranges::contiguous_range<Range> && std::ranges::sized_range<Range>) {
      return std::is_same_v<Item, std::ranges::range_value_t<Range>>;
    } else {
      return false;
    }
  }();

  pool::Core& core_;
  Writer function_;
  JobPlan plan_;
};

template <bool kStar, class F, class Range>
auto submit_map(const PoolCore& core, const F& function, Range& range, std::int64_t wanted) {
  using Maker = JobMaker<kStar, F, Range>;
  using R = typename Maker::R;
  using Answer = map_answer_t<R>;
  if constexpr (!std::ranges::forward_range<Range>) {
    std::vector<item_t<Range>> items;
    for (auto&& element : range) items.emplace_back(std::forward<decltype(element)>(element));
    return submit_map<kStar>(core, function, items, wanted);
  } else {
    const auto items = static_cast<std::uint64_t>(std::ranges::distance(range));
    const std::uint64_t chunk = chunk_size(wanted, items, pool_size(*core));
    require_open(*core);
    if (items == 0) return AsyncResult<Answer>(std::make_shared<Pending<Answer>>(Kept_t<Answer>{}));
    typename Pending<Answer>::Source source{
        core, Maker(*core, function, chunk, false).submit(range, items)};
    source.job = true;
    source.items = items;
    source.name = name_of_task(function);
    source.load = [](pool::Core& from, Ticket job, std::uint64_t count) -> Kept_t<Answer> {
      if constexpr (std::is_void_v<R>) {
        return {};
      } else {
        return load_items<R>(from, job, count);
      }
    };
    return AsyncResult<Answer>(std::make_shared<Pending<Answer>>(std::move(source)));
  }
}

/// The reason, if a function over items cannot be run in another process, and what it would return.
template <class F, class Item, bool kStar>
struct ItemCheck {
  static constexpr bool kOk = is_task_v<F, Item>;
  using Why = why_not_task_t<F, Item>;
  using Result = task_result_t<F, Item>;
};
template <class F, class Item>
struct ItemCheck<F, Item, true> {
  static constexpr bool kOk = false;
  using Why = IsNoTuple<Item>;
  using Result = void;
};
template <class F, class... Fields>
struct ItemCheck<F, std::tuple<Fields...>, true> {
  static constexpr bool kOk = is_task_v<F, Fields...>;
  using Why = why_not_task_t<F, Fields...>;
  using Result = task_result_t<F, Fields...>;
};
template <class F, class A, class B>
struct ItemCheck<F, std::pair<A, B>, true> : ItemCheck<F, std::tuple<A, B>, true> {};

/// What map returns where the compiler has been stopped: no second message shall follow.
template <class R>
struct RefusedMap {
  using type = std::vector<R>;
};
template <>
struct RefusedMap<void> {
  using type = void;
};

}  // namespace multiprocessing::detail
