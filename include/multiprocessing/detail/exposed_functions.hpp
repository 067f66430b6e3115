#pragma once

/// \file multiprocessing/detail/exposed_functions.hpp
/// How the proxy of a handle is described: by functions that take the handle first and stand for
/// its methods, what may wait among them in the name of the caller.
///
///   sharing   as every Proxy
///   threads   every call may be made concurrently
///   ordering  as of the handles themselves
///   death     what was taken for a caller that did not live to receive it is given back

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <type_traits>
#include <utility>

#include <multiprocessing/detail/exposed.hpp>
#include <multiprocessing/detail/managed.hpp>
#include <multiprocessing/detail/timeout.hpp>

namespace multiprocessing::detail {

/// A time-out on its way to another machine: nanoseconds from its arrival.
using WireTime = std::int64_t;
inline constexpr WireTime kWireForever = std::numeric_limits<WireTime>::max();

inline WireTime wire_time(Timeout timeout) {
  if (timeout.is_forever()) return kWireForever;
  using Clock = std::chrono::steady_clock;
  const auto now = std::chrono::nanoseconds(Clock::now().time_since_epoch()).count();
  return std::max<WireTime>(timeout.deadline() - now, 0);
}
inline Timeout time_of_wire(WireTime time) {
  return time == kWireForever ? Timeout() : Timeout(std::chrono::nanoseconds(time));
}
/// How long the answer may take to a wait of that time: a manager that was stopped gives none.
inline Timeout answer_limit(WireTime time) {
  constexpr WireTime kGrace = 2'000'000'000;
  return time > kWireForever - kGrace ? Timeout()
                                      : Timeout(std::chrono::nanoseconds(time + kGrace));
}

/// Takes something for the caller, in a wait that ends when it leaves; `undo` gives it back if it
/// does not live to learn of it. False: `take` says so.
template <class Take, class Undo>
bool take_for_caller(ManagedScope& scope, Take take, Undo undo) {
  const CallersWait wait(scope);
  if (!take()) return false;
  if (scope.caller_has_left()) {
    undo();
    throw EOFError("the caller has left");
  }
  scope.unless_received(std::move(undo));
  return true;
}

/// As what a value that may be a handle is given to the caller: a handle that has a proxy as that.
template <class V>
struct GivenItem {
  using type = V;
};
template <class V>
  requires(SharedHandle<V> && Exposed<V>)
struct GivenItem<V> {
  using type = std::shared_ptr<V>;
};
template <class V>
using given_t = typename GivenItem<V>::type;

template <class V>
given_t<V> given(V value) {
  if constexpr (std::is_same_v<given_t<V>, V>) {
    return value;
  } else {
    return std::make_shared<V>(std::move(value));
  }
}

}  // namespace multiprocessing::detail

#define MULTIPROCESSING_LIST_FUNCTION(Exposure, function)                                    \
  ::multiprocessing::detail::managed_method<typename Exposure::Object, &Exposure::function>( \
      #function),

/// Inside a class Exposure with `using Object = ...`: these static functions of it are methods of
/// Object's proxies. `Listed` has them all; `Methods`, which the class goes on to define, derives
/// from it.
#define MULTIPROCESSING_EXPOSE_FUNCTIONS(Exposure, ...)                                     \
  static ::multiprocessing::detail::ManagedMethods methods() {                              \
    static const ::std::array listed = {                                                    \
        MULTIPROCESSING_EACH_METHOD(MULTIPROCESSING_LIST_FUNCTION, Exposure, __VA_ARGS__)}; \
    return listed;                                                                          \
  }                                                                                         \
  template <class MultiprocessingProxy>                                                     \
  struct Listed : MultiprocessingProxy {                                                    \
    using MultiprocessingProxy::MultiprocessingProxy;                                       \
    MULTIPROCESSING_EACH_METHOD(MULTIPROCESSING_PROXY_METHOD, Exposure, __VA_ARGS__)        \
  };
