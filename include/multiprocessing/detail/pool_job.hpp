#pragma once

/// \file multiprocessing/detail/pool_job.hpp
/// A chunk of a job as the function sees it that goes through its items, in a worker.
///
///   sharing   lives in the worker; what it points to lies in shared memory
///   threads   the worker's own
///   ordering  [C] end_item: release on the chunk's word -> the owner's look: acquire
///   (lib/pool/job.hpp) death     the word says which item was running: that one fails, the others
///   are done or claimed anew

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <tuple>
#include <type_traits>
#include <utility>

#include <multiprocessing/detail/export.hpp>
#include <multiprocessing/detail/outgoing_message.hpp>
#include <multiprocessing/detail/task.hpp>

namespace multiprocessing::detail {

struct JobRun {
  Reader function;             // the callable's state
  const std::byte* items;      // plain items of the whole job, or nullptr
  Reader input;                // else: encoded items, from the chunk's first one on
  std::byte* results;          // plain results of the whole job
  std::uint64_t first = 0;     // index of the chunk's first item
  std::uint64_t progress = 0;  // items of the chunk that are done or have failed
  std::uint64_t end = 0;       // items of the chunk
  std::atomic<std::uint64_t>* word = nullptr;
  std::uint64_t owner = 0;  // low half of the word: who we are
  bool watched = false;     // each item is to be reported
  void* worker = nullptr;
};

inline constexpr std::uint64_t kItemRuns = std::uint64_t{1} << 31U;

/// Reports an item of a job whose items have a limit or are waited for one by one: before it, when
/// its function has returned, when it counts as done.
MULTIPROCESSING_API void watch_begin(JobRun& run);
/// False: it has overrun and is to be tried again.
MULTIPROCESSING_API bool watch_return(JobRun& run);
MULTIPROCESSING_API void watch_end(JobRun& run);
/// Records the current exception as what became of the item in progress.
MULTIPROCESSING_API void fail_item(JobRun& run);
/// Stores the encoded result of the item in progress. \throws ArenaExhausted
MULTIPROCESSING_API void put_item(JobRun& run, OutgoingMessage& result);

// From here on a death costs this item.
inline void mark_item(JobRun& run) {
  run.word->store(run.progress << 32U | kItemRuns | run.owner, std::memory_order_release);
}
inline void begin_item(JobRun& run) {
  mark_item(run);
  if (run.watched) watch_begin(run);
}
/// False: it is to be tried again.
inline bool end_item(JobRun& run) {
  if (run.watched && !watch_return(run)) return false;
  ++run.progress;
  run.word->store(run.progress << 32U | run.owner, std::memory_order_release);  // [C]
  if (run.watched) watch_end(run);
  return true;
}

using JobRunner = void (*)(JobRun& run);

template <class R>
concept PlainResult = std::is_void_v<R> || (is_plain_v<R> && !SharedHandle<R>);

/// A task as the function sees it that runs it, in a worker.
struct TaskRun {
  Reader in;
  void* worker = nullptr;
  void* cell = nullptr;
};
/// Stores the encoded result where the owner finds it. \throws ArenaExhausted
MULTIPROCESSING_API void put_result(TaskRun& run, OutgoingMessage& result);

using TaskRunner = void (*)(TaskRun& run);

/// Reads what encode_task<F, Args...> wrote, calls, stores the result.
template <class F, class... Args>
class CallRunner {
 public:
  using Result = typename Task<F, Args...>::Result;

  static void run(TaskRun& run) {
    F function = decode_value<F>(run.in);
    auto args = decode_args(run.in, std::index_sequence_for<Args...>{});
    OutgoingMessage out;
    if constexpr (std::is_void_v<Result>) {
      apply_task(function, args);
      put_result(run, out);
    } else {
      auto&& result = apply_task(function, args);  // handles in it live until the block holds them
      encode_as<Result>(out.writer(), result);
      put_result(run, out);
    }
  }

  static CodeToken token() {
    static const CodeToken kToken = token_of_function(&CallRunner::run);
    return kToken;
  }

 private:
  template <std::size_t... I>
  static auto decode_args(Reader& in, std::index_sequence<I...>) {
    return std::tuple<arriving_t<F, I, Args>...>{decode_as<arriving_t<F, I, Args>>(in)...};
  }
};

/// How a job calls its function: with an item, or (starmap) with the fields of a tuple.
template <class F, class Item, bool kStar>
struct ItemCall {
  using Call = Task<F, Item>;
};
template <class F, class... Fields>
struct ItemCall<F, std::tuple<Fields...>, true> {
  using Call = Task<F, Fields...>;
};
template <class F, class A, class B>
struct ItemCall<F, std::pair<A, B>, true> {
  using Call = Task<F, A, B>;
};

template <class F, class Item, bool kStar>
class ItemRunner {
 public:
  using Result = typename ItemCall<F, Item, kStar>::Call::Result;

  static void run(JobRun& run) {
    // Decoding may kill, too: then it costs an item each time, and the job comes to an end.
    if (run.progress < run.end) mark_item(run);
    F function = decode_value<F>(run.function);
    if constexpr (is_plain_v<Item>) {
      const auto* items = reinterpret_cast<const Item*>(run.items) + run.first;
      while (run.progress < run.end) {
        begin_item(run);
        step(run, function, items[run.progress]);
        (void)end_item(run);
      }
    } else {
      for (std::uint64_t i = 0; i < run.progress; ++i) (void)decode_value<Item>(run.input);
      while (run.progress < run.end) {
        const Reader before = run.input;
        begin_item(run);
        step(run, function, decode_value<Item>(run.input));
        if (!end_item(run)) run.input = before;
      }
    }
  }

  static CodeToken token() {
    static const CodeToken kToken = token_of_function(&ItemRunner::run);
    return kToken;
  }

 private:
  static decltype(auto) call(F& function, Item& item) {
    if constexpr (kStar) {
      return apply_task(function, item);
    } else if constexpr (std::is_invocable_v<F&, Item>) {
      return std::invoke(function, std::move(item));
    } else {
      return std::invoke(function, item);
    }
  }

  static void step(JobRun& run, F& function, Item item) {
    try {
      if constexpr (std::is_void_v<Result>) {
        call(function, item);
      } else if constexpr (PlainResult<Result>) {
        const Result result = call(function, item);
        std::memcpy(run.results + (run.first + run.progress) * sizeof(Result), &result,
                    sizeof(Result));
      } else {
        OutgoingMessage out;
        auto&& result = call(function, item);  // handles in it live until the block holds them
        encode_as<Result>(out.writer(), result);
        put_item(run, out);
      }
    } catch (...) {
      fail_item(run);
    }
  }
};

}  // namespace multiprocessing::detail
