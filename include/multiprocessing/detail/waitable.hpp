#pragma once

/// \file multiprocessing/detail/waitable.hpp
/// What `wait` can wait for, and Waitable, which is any of it; public through connection.hpp.
///
///   sharing   a Waitable is a copy of what it was made from
///   threads   a value: copy it
///   ordering  none of its own
///   death     that of a process is what its sentinel tells

#include <algorithm>
#include <any>
#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <optional>
#include <ranges>
#include <span>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <multiprocessing/detail/connection_bytes.hpp>
#include <multiprocessing/detail/future_base.hpp>
#include <multiprocessing/detail/queue_bytes.hpp>
#include <multiprocessing/detail/timeout.hpp>
#include <multiprocessing/errors.hpp>

namespace multiprocessing {

template <class T>
class Queue;
template <class T>
class SimpleQueue;
class Waitable;

namespace detail {

/// One of these is set.
struct WaitEntry {
  std::shared_ptr<connection::Transport> connection;
  std::optional<ByteQueue> queue;
  int fd = -1;
  std::shared_ptr<FutureBase> future{};
};

template <class X>
inline constexpr bool kIsVariant = false;
template <class... Xs>
inline constexpr bool kIsVariant<std::variant<Xs...>> = true;

// For what derives from a queue, too.
template <class T>
HandleId queue_id(const Queue<T>& queue) {
  return queue.handle_id();
}
template <class T>
HandleId queue_id(const SimpleQueue<T>& queue) {
  return queue.handle_id();
}

template <class X>
concept WaitsAsConnection = requires(const X& x) {
  { x.bytes() } -> std::convertible_to<const ByteConnection&>;
} || requires(const X& x) { x.untyped().bytes(); };
template <class X>
concept WaitsAsQueue = requires(const X& x) { queue_id(x); };
template <class X>
concept WaitsBySentinel = requires(const X& x) {
  { x.sentinel() } -> std::same_as<int>;
};
template <class X>
concept WaitsByFileno = requires(const X& x) {
  { x.fileno() } -> std::same_as<int>;
};
template <class X>
concept WaitsItself =
    std::same_as<X, int> || std::same_as<X, Waitable> || kIsVariant<X> || WaitsAsConnection<X> ||
    WaitsAsQueue<X> || WaitsBySentinel<X> || WaitsByFileno<X>;
// found in detail/future.hpp, by argument
template <class X>
concept WaitsAsFuture = requires(const X& x) {
  { future_state(x) } -> std::convertible_to<std::shared_ptr<FutureBase>>;
};
template <class X>
concept WaitsByPointer = !WaitsItself<X> && requires(const X& x) {
  *x;
  requires WaitsItself<std::remove_cvref_t<decltype(*x)>>;
};

/// \throws what asking for its descriptor throws: ValueError for a process that was not started
template <class X>
WaitEntry wait_entry(const X& x) {
  if constexpr (std::same_as<X, int>) {
    return {nullptr, std::nullopt, x};
  } else if constexpr (std::same_as<X, Waitable>) {
    return x.entry();
  } else if constexpr (kIsVariant<X>) {
    return std::visit([](const auto& each) { return wait_entry(each); }, x);
  } else if constexpr (requires { x.untyped().bytes(); }) {
    return {x.untyped().bytes().transport(), std::nullopt, -1};
  } else if constexpr (WaitsAsConnection<X>) {
    return {x.bytes().transport(), std::nullopt, -1};
  } else if constexpr (WaitsAsQueue<X>) {
    return {nullptr, ByteQueue::from_id(queue_id(x)), -1};
  } else if constexpr (WaitsBySentinel<X>) {
    return {nullptr, std::nullopt, x.sentinel()};
  } else if constexpr (WaitsByFileno<X>) {
    return {nullptr, std::nullopt, x.fileno()};
  } else if constexpr (WaitsAsFuture<X>) {
    return {nullptr, std::nullopt, -1, future_state(x)};
  } else {
    return wait_entry<std::remove_cvref_t<decltype(*x)>>(*x);
  }
}

}  // namespace detail

/// What `wait` takes: connections, queues, processes by pointer and children, whatever has a
/// `fileno()` or `sentinel()`, descriptors, a std::variant of these, or Waitable. In the last two
/// there may be futures; a range of nothing but futures is what the `wait` of futures.hpp takes.
template <class X>
concept WaitableType = detail::WaitsItself<X> || detail::WaitsByPointer<X>;

/// Any one of what can be waited for, so that different ones go into one range.
class Waitable {
 public:
  template <class X>
    requires((WaitableType<X> || detail::WaitsAsFuture<X>) && !std::same_as<X, Waitable> &&
             std::copy_constructible<X>)
  Waitable(X x)  // NOLINT(google-explicit-constructor): as into a variant
      : value_(std::move(x)),
        entry_([](const std::any& value) { return detail::wait_entry(*std::any_cast<X>(&value)); }),
        equal_([](const std::any& a, const std::any& b) {
          if constexpr (std::equality_comparable<X>) {
            return *std::any_cast<X>(&a) == *std::any_cast<X>(&b);
          } else {
            return &a == &b;
          }
        }) {}

  template <class X>
  [[nodiscard]] bool holds() const noexcept {
    return std::any_cast<X>(&value_) != nullptr;
  }
  /// nullptr if it is something else.
  template <class X>
  [[nodiscard]] const X* get_if() const noexcept {
    return std::any_cast<X>(&value_);
  }
  /// \throws ValueError if it is something else.
  template <class X>
  [[nodiscard]] const X& get() const {
    const X* value = get_if<X>();
    if (value == nullptr) {
      throw ValueError(
          "this Waitable holds something else: get<T>() is for the type that was put in");
    }
    return *value;
  }
  [[nodiscard]] detail::WaitEntry entry() const { return entry_(value_); }

  /// The same type, and equal.
  friend bool operator==(const Waitable& a, const Waitable& b) {
    return a.value_.type() == b.value_.type() && a.equal_(a.value_, b.value_);
  }

 private:
  std::any value_;
  detail::WaitEntry (*entry_)(const std::any&);
  bool (*equal_)(const std::any&, const std::any&);
};

namespace detail {

/// The indices of those that are ready, in ascending order.
MULTIPROCESSING_API std::vector<std::size_t> wait_for(std::span<const WaitEntry> entries,
                                                      Timeout timeout);

}  // namespace detail

/// Waits until one of the objects is ready: a message or the end has come, a queue holds something
/// or is shut down, a process has ended, a descriptor is readable, a future is done. Those that are
/// ready then, in the order given; none: the time is over. Takes nothing from them.
/// \throws std::system_error (EBADF) for what is closed, KeyboardInterrupt
template <std::ranges::input_range R>
  requires WaitableType<std::ranges::range_value_t<R>> &&
           std::copy_constructible<std::ranges::range_value_t<R>>
std::vector<std::ranges::range_value_t<R>> wait(R&& objects, Timeout timeout = {}) {
  std::vector<std::ranges::range_value_t<R>> all;
  std::vector<detail::WaitEntry> entries;
  for (auto&& object : objects) {
    entries.push_back(detail::wait_entry<std::ranges::range_value_t<R>>(object));
    all.push_back(object);
  }
  std::vector<std::ranges::range_value_t<R>> ready;
  for (const std::size_t i : detail::wait_for(entries, timeout)) ready.push_back(all[i]);
  return ready;
}
template <WaitableType X>
std::vector<X> wait(std::initializer_list<X> objects, Timeout timeout = {}) {
  return wait(std::span<const X>(objects.begin(), objects.size()), timeout);
}

}  // namespace multiprocessing
