#pragma once

// What a Process runs: a callable with its arguments, kept until the child calls it.

#include <concepts>
#include <functional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

namespace multiprocessing::detail {

/// Called once, in the child.
class Target {
 public:
  Target() = default;
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;
  virtual ~Target() = default;
  virtual void call() = 0;
};

template <class T>
concept Text =
    std::same_as<std::decay_t<T>, const char*> ||
    (std::is_array_v<std::remove_reference_t<T>> && std::same_as<std::decay_t<T>, char*>);

/// How an argument is kept: by value, a `const char*` or character array as a string.
template <class T>
using Kept = std::conditional_t<Text<T>, std::string, std::decay_t<T>>;

/// How a kept string reaches a function that takes `const char*`.
template <class T>
decltype(auto) as_pointer(T& kept) noexcept {
  if constexpr (std::same_as<T, std::string>) {
    return static_cast<const char*>(kept.c_str());
  } else {
    return std::move(kept);
  }
}

template <class F, class... Args>
concept TakesValues = std::is_invocable_v<F&, Args...>;
template <class F, class... Args>
concept TakesReferences = std::is_invocable_v<F&, Args&...>;
template <class F, class... Args>
concept TakesPointers = std::is_invocable_v<F&, decltype(as_pointer(std::declval<Args&>()))...>;

template <class F, class... Args>
concept Callable =
    TakesValues<F, Args...> || TakesReferences<F, Args...> || TakesPointers<F, Args...>;

template <class F, class... Args>
class BoundTarget final : public Target {
 public:
  template <class G, class... As>
  explicit BoundTarget(std::in_place_t /*tag*/, G&& f, As&&... args)
      : f_(std::forward<G>(f)), args_(std::forward<As>(args)...) {}

  void call() override {
    std::apply(
        [this](Args&... args) {
          if constexpr (TakesValues<F, Args...>) {
            (void)std::invoke(f_, std::move(args)...);
          } else if constexpr (TakesReferences<F, Args...>) {
            (void)std::invoke(f_, args...);
          } else {
            (void)std::invoke(f_, as_pointer(args)...);
          }
        },
        args_);
  }

 private:
  F f_;
  std::tuple<Args...> args_;
};

}  // namespace multiprocessing::detail
