#pragma once

/// \file multiprocessing/detail/exposed_handles.hpp
/// Proxies of handles, for programs that do not share the manager's memory: `get<Proxy<Queue<T>>>`.
/// Of Queue, Dict, Value and Event; what waits in the manager waits in slices, so that nobody there
/// waits for a caller that has died.
///
///   sharing   as every Proxy
///   threads   every call may be made concurrently
///   ordering  as of the handles themselves
///   death     an item that a caller took and did not live to receive is put back, at the end,
///   unless
///             its death was not known yet when it was sent; that is lost with its receiver

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include <multiprocessing/detail/dict.hpp>
#include <multiprocessing/detail/exposed.hpp>
#include <multiprocessing/detail/managed.hpp>
#include <multiprocessing/detail/timeout.hpp>
#include <multiprocessing/errors.hpp>
#include <multiprocessing/queues.hpp>
#include <multiprocessing/sharedctypes.hpp>
#include <multiprocessing/synchronize.hpp>

namespace multiprocessing::detail {

inline constexpr std::int64_t kWireSlice = 250'000'000;  // nanoseconds

/// How long the next step may wait in the manager; 0: the deadline has passed.
inline std::int64_t wire_slice(std::int64_t deadline) {
  if (deadline == std::numeric_limits<std::int64_t>::max()) return kWireSlice;
  const std::int64_t now = std::chrono::duration_cast<std::chrono::nanoseconds>(
                               std::chrono::steady_clock::now().time_since_epoch())
                               .count();
  return std::clamp<std::int64_t>(deadline - now, 0, kWireSlice);
}
inline Timeout within_slice(std::int64_t nanoseconds) {
  return std::chrono::nanoseconds(std::clamp<std::int64_t>(nanoseconds, 0, kWireSlice));
}

template <class T>
struct QueueExposure {
  using Q = Queue<T>;

  static bool put_within(Q& queue, const T& item, std::int64_t nanoseconds) {
    return queue.try_put(item, within_slice(nanoseconds));
  }
  static std::uint64_t qsize(Q& queue) { return queue.qsize(); }
  static bool empty(Q& queue) { return queue.empty(); }
  static bool full(Q& queue) { return queue.full(); }
  static void shutdown(Q& queue, bool immediate) { queue.shutdown(immediate); }

  // What cannot be delivered is not taken.
  static void get_within(void* object, Reader& in, Writer& out, ManagedScope& scope) {
    const Q& queue = *static_cast<const Q*>(object);
    const auto nanoseconds = in.plain<std::int64_t>();
    in.finish();
    auto item = std::make_shared<std::optional<T>>(queue.try_get(within_slice(nanoseconds)));
    encode_value(out, *item);
    if (!item->has_value()) return;
    if (scope.caller_has_left() || (!out.handles().empty() && !scope.shares_memory())) {
      queue.put(**item);
    }
    scope.keep(std::move(item));
  }

  static ManagedMethods methods() {
    using Get = MethodTraits<std::optional<T> (ProxyBase::*)(std::int64_t)>;
    static const std::array listed = {managed_method<Q, &put_within>("put"),
                                      ManagedMethod{"get", Get::id(), &Get::describe, &get_within},
                                      managed_method<Q, &qsize>("qsize"),
                                      managed_method<Q, &empty>("empty"),
                                      managed_method<Q, &full>("full"),
                                      managed_method<Q, &shutdown>("shutdown")};
    return listed;
  }

  /// As Queue's own.
  template <class Base>
  struct Methods : Base {
    using Base::Base;

    [[nodiscard]] bool try_put(const T& item, Timeout timeout = Timeout::zero()) const {
      for (const std::int64_t deadline = timeout.deadline();;) {
        const std::int64_t slice = wire_slice(deadline);
        if (this->template call<&QueueExposure::put_within>("put", item, slice)) return true;
        if (slice == 0) return false;
      }
    }
    [[nodiscard]] std::optional<T> try_get(Timeout timeout = Timeout::zero()) const {
      for (const std::int64_t deadline = timeout.deadline();;) {
        const std::int64_t slice = wire_slice(deadline);
        auto item = this->template call_method<std::optional<T>>("get", slice);
        if (item.has_value() || slice == 0) return item;
      }
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
    [[nodiscard]] std::size_t qsize() const {
      return this->template call<&QueueExposure::qsize>("qsize");
    }
    [[nodiscard]] bool empty() const { return this->template call<&QueueExposure::empty>("empty"); }
    [[nodiscard]] bool full() const { return this->template call<&QueueExposure::full>("full"); }
    void shutdown(bool immediate = false) const {
      this->template call<&QueueExposure::shutdown>("shutdown", immediate);
    }
  };
};

template <class K, class V>
struct DictExposure {
  using D = Dict<K, V>;

  static V at(D& dict, const K& key) { return dict.at(key); }
  static std::optional<V> get(D& dict, const K& key) { return dict.get(key); }
  static void set(D& dict, const K& key, const V& value) { dict.set(key, value); }
  static V setdefault(D& dict, const K& key, const V& value) { return dict.setdefault(key, value); }
  static V pop(D& dict, const K& key) { return dict.pop(key); }
  static bool contains(D& dict, const K& key) { return dict.contains(key); }
  static bool erase(D& dict, const K& key) { return dict.erase(key); }
  static std::uint64_t size(D& dict) { return dict.size(); }
  static void clear(D& dict) { dict.clear(); }
  static std::vector<std::pair<K, V>> items(D& dict) { return dict.items(); }
  static std::vector<K> keys(D& dict) { return dict.keys(); }

  static ManagedMethods methods() {
    static const std::array listed = {
        managed_method<D, &at>("at"),       managed_method<D, &get>("get"),
        managed_method<D, &set>("set"),     managed_method<D, &setdefault>("setdefault"),
        managed_method<D, &pop>("pop"),     managed_method<D, &contains>("contains"),
        managed_method<D, &erase>("erase"), managed_method<D, &size>("size"),
        managed_method<D, &clear>("clear"), managed_method<D, &items>("items"),
        managed_method<D, &keys>("keys")};
    return listed;
  }

  /// As Dict's own.
  template <class Base>
  struct Methods : Base {
    using Base::Base;
    using Exposure = DictExposure;

    [[nodiscard]] V at(const K& key) const { return this->template call<&Exposure::at>("at", key); }
    [[nodiscard]] std::optional<V> get(const K& key) const {
      return this->template call<&Exposure::get>("get", key);
    }
    void set(const K& key, const V& value) const {
      this->template call<&Exposure::set>("set", key, value);
    }
    V setdefault(const K& key, const V& value = {}) const {
      return this->template call<&Exposure::setdefault>("setdefault", key, value);
    }
    V pop(const K& key) const { return this->template call<&Exposure::pop>("pop", key); }
    [[nodiscard]] bool contains(const K& key) const {
      return this->template call<&Exposure::contains>("contains", key);
    }
    bool erase(const K& key) const { return this->template call<&Exposure::erase>("erase", key); }
    [[nodiscard]] std::size_t size() const { return this->template call<&Exposure::size>("size"); }
    void clear() const { this->template call<&Exposure::clear>("clear"); }
    [[nodiscard]] std::vector<std::pair<K, V>> items() const {
      return this->template call<&Exposure::items>("items");
    }
    [[nodiscard]] std::vector<K> keys() const {
      return this->template call<&Exposure::keys>("keys");
    }
  };
};

template <class T>
struct ValueExposure {
  using V = Value<T>;

  static T get(V& value) { return value.get(); }
  static void set(V& value, T to) { value.set(to); }

  static ManagedMethods methods() {
    static const std::array listed = {managed_method<V, &get>("get"),
                                      managed_method<V, &set>("set")};
    return listed;
  }

  /// As Value's own.
  template <class Base>
  struct Methods : Base {
    using Base::Base;
    [[nodiscard]] T get() const { return this->template call<&ValueExposure::get>("get"); }
    void set(T to) const { this->template call<&ValueExposure::set>("set", to); }
  };
};

struct EventExposure {
  static void set(Event& event) { event.set(); }
  static void clear(Event& event) { event.clear(); }
  static bool is_set(Event& event) { return event.is_set(); }
  static bool wait_within(Event& event, std::int64_t nanoseconds) {
    return event.wait(within_slice(nanoseconds));
  }

  static ManagedMethods methods() {
    static const std::array listed = {
        managed_method<Event, &set>("set"), managed_method<Event, &clear>("clear"),
        managed_method<Event, &is_set>("is_set"), managed_method<Event, &wait_within>("wait")};
    return listed;
  }

  /// As Event's own.
  template <class Base>
  struct Methods : Base {
    using Base::Base;
    void set() const { this->template call<&EventExposure::set>("set"); }
    void clear() const { this->template call<&EventExposure::clear>("clear"); }
    [[nodiscard]] bool is_set() const {
      return this->template call<&EventExposure::is_set>("is_set");
    }
    bool wait(Timeout timeout = {}) const {  // NOLINT(modernize-use-nodiscard)
      for (const std::int64_t deadline = timeout.deadline();;) {
        const std::int64_t slice = wire_slice(deadline);
        if (this->template call<&EventExposure::wait_within>("wait", slice)) return true;
        if (slice == 0) return false;
      }
    }
  };
};

}  // namespace multiprocessing::detail

namespace multiprocessing {

// Found by the namespace of the handle.
template <class T>
detail::QueueExposure<T> multiprocessing_exposed(std::type_identity<Queue<T>>);
template <class K, class V>
detail::DictExposure<K, V> multiprocessing_exposed(std::type_identity<Dict<K, V>>);
template <class T>
detail::ValueExposure<T> multiprocessing_exposed(std::type_identity<Value<T>>);
detail::EventExposure multiprocessing_exposed(std::type_identity<Event>);

}  // namespace multiprocessing
