#pragma once

/// \file multiprocessing/detail/refusal.hpp
/// Reasons for which the compiler is stopped, other than a type that cannot be sent.
///
///   sharing   types only
///   threads   nothing happens at run time
///   ordering  none
///   death     nothing to leave behind

namespace multiprocessing::detail {

// Why a callable may not be run in another process, beside CannotBeSent; task.hpp finds it.
template <class F>
struct HoldsSomething {};
template <class F, class... Args>
struct DoesNotTake {};
template <class Item>
struct IsNoTuple {};

template <class Why>
inline constexpr bool kHoldsSomething = false;
template <class F>
inline constexpr bool kHoldsSomething<HoldsSomething<F>> = true;
template <class Why>
inline constexpr bool kDoesNotTake = false;
template <class... T>
inline constexpr bool kDoesNotTake<DoesNotTake<T...>> = true;
template <class Why>
inline constexpr bool kIsNoTuple = false;
template <class Item>
inline constexpr bool kIsNoTuple<IsNoTuple<Item>> = true;

}  // namespace multiprocessing::detail
