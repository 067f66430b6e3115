#pragma once

/// \file multiprocessing/detail/exposed_handles.hpp
/// Proxies of handles, for programs that do not share the manager's memory: `get<Proxy<Queue<T>>>`.
/// Queue, Value and Array are here; detail/exposed_containers.hpp and detail/exposed_locks.hpp
/// bring the others.
///
///   sharing   as every Proxy
///   threads   every call may be made concurrently
///   ordering  as of the handles themselves
///   death     an item that a caller took and did not live to receive is put back, at the end

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <multiprocessing/detail/exposed_containers.hpp>
#include <multiprocessing/detail/exposed_functions.hpp>
#include <multiprocessing/detail/exposed_locks.hpp>
#include <multiprocessing/errors.hpp>
#include <multiprocessing/queues.hpp>
#include <multiprocessing/sharedctypes.hpp>

namespace multiprocessing::detail {

template <class T>
struct QueueExposure {
  using Object = Queue<T>;

  static bool put(Object& queue, ManagedScope& scope, const T& item, WireTime time) {
    const CallersWait wait(scope);
    return queue.try_put(item, time_of_wire(time));
  }
  static HeldResult<std::optional<T>> get(Object& queue, ManagedScope& scope, WireTime time) {
    auto item = std::make_shared<std::optional<T>>();
    const auto take = [&] {
      *item = queue.try_get(time_of_wire(time));
      return item->has_value();
    };
    take_for_caller(scope, take, [queue, item] { queue.put(*std::move(*item)); });
    return {item};
  }
  static std::uint64_t qsize(Object& queue) { return queue.qsize(); }
  static bool empty(Object& queue) { return queue.empty(); }
  static bool full(Object& queue) { return queue.full(); }
  static void shutdown(Object& queue, bool immediate) { queue.shutdown(immediate); }
  MULTIPROCESSING_EXPOSE_FUNCTIONS(QueueExposure, put, get, qsize, empty, full, shutdown)

  /// As Queue's own.
  template <class Base>
  struct Methods : Listed<Base> {
    using Listed<Base>::Listed;

    [[nodiscard]] bool try_put(const T& item, Timeout timeout = Timeout::zero()) const {
      const WireTime time = wire_time(timeout);
      return this->template call_within<&QueueExposure::put>(answer_limit(time), "put", item, time);
    }
    [[nodiscard]] std::optional<T> try_get(Timeout timeout = Timeout::zero()) const {
      const WireTime time = wire_time(timeout);
      return this->template call_within<&QueueExposure::get>(answer_limit(time), "get", time);
    }
    void put(const T& item, Timeout timeout = {}) const {
      if (!try_put(item, timeout)) throw Full();
    }
    void put_nowait(const T& item) const { put(item, Timeout::zero()); }
    [[nodiscard]] T get(Timeout timeout = {}) const {
      auto item = try_get(timeout);
      if (!item.has_value()) throw Empty();
      return *std::move(item);
    }
    [[nodiscard]] T get_nowait() const { return get(Timeout::zero()); }
    void shutdown(bool immediate = false) const { Listed<Base>::shutdown(immediate); }
  };
};

template <class T>
struct ValueExposure {
  using Object = Value<T>;
  static constexpr bool kAdds = requires(T a) { static_cast<T>(a + a); };

  static T get(Object& value) { return value.get(); }
  static void set(Object& value, T to) { value.set(to); }
  static T exchange(Object& value, T to) { return value.exchange(to); }
  static T fetch_add(Object& value, T by) {
    if constexpr (kAdds) {
      return value.fetch_add(by);
    } else {
      throw ValueError("a Value of this type has no +");
    }
  }
  /// What was there, and whether it was `expected`.
  static std::pair<T, bool> replace(Object& value, T expected, T to) {
    const bool done = value.compare_exchange(expected, to);
    return {expected, done};
  }
  MULTIPROCESSING_EXPOSE_FUNCTIONS(ValueExposure, get, set, exchange, fetch_add, replace)

  /// As Value's own.
  template <class Base>
  struct Methods : Listed<Base> {
    using Listed<Base>::Listed;

    void set(const T& to) const { Listed<Base>::set(to); }
    bool compare_exchange(T& expected, T to) const {
      const auto [was, done] = this->replace(expected, to);
      expected = was;
      return done;
    }
  };
};

/// Elements are copied in and out, one call each, under the array's lock.
template <class T>
struct ArrayExposure {
  using Object = Array<T>;

  static T at(Object& array, std::uint64_t index) {
    static_cast<void>(array.at(index));
    return array.slice(index, index + 1).front();
  }
  static void set(Object& array, std::uint64_t index, T value) { set_slice(array, index, {value}); }
  static std::uint64_t size(Object& array) { return array.size(); }
  static std::vector<T> slice(Object& array, std::uint64_t first, std::uint64_t last) {
    return array.slice(first, last);
  }
  static void set_slice(Object& array, std::uint64_t first, const std::vector<T>& values) {
    if (first > array.size() || values.size() > array.size() - first) {
      throw ValueError("elements " + std::to_string(first) + " to " +
                       std::to_string(first + values.size()) + " of an Array of " +
                       std::to_string(array.size()));
    }
    const auto write = [&] { std::ranges::copy(values, array.begin() + first); };
    if (!array.has_lock()) return write();
    const std::lock_guard guard(array.get_lock());
    write();
  }
  MULTIPROCESSING_EXPOSE_FUNCTIONS(ArrayExposure, at, set, size, slice, set_slice)

  /// As Array's own, as far as they need no reference to an element.
  template <class Base>
  struct Methods : Listed<Base> {
    using Listed<Base>::Listed;

    void set(std::size_t index, const T& value) const { Listed<Base>::set(index, value); }
    void set_slice(std::size_t first, const std::vector<T>& values) const {
      Listed<Base>::set_slice(first, values);
    }
    [[nodiscard]] bool empty() const { return this->size() == 0; }
    [[nodiscard]] std::vector<T> copy() const {
      return this->slice(std::uint64_t{0}, std::numeric_limits<std::uint64_t>::max());
    }
  };
};

}  // namespace multiprocessing::detail

namespace multiprocessing {

// Found by the namespace of the handle.
template <class T>
detail::QueueExposure<T> multiprocessing_exposed(std::type_identity<Queue<T>>);
template <class T>
detail::ValueExposure<T> multiprocessing_exposed(std::type_identity<Value<T>>);
template <class T>
detail::ArrayExposure<T> multiprocessing_exposed(std::type_identity<Array<T>>);

}  // namespace multiprocessing
