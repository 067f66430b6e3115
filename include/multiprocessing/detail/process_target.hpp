#pragma once

// What a Process runs: a callable with its arguments, kept until the child calls it.

#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include <multiprocessing/detail/callable.hpp>
#include <multiprocessing/detail/codec.hpp>
#include <multiprocessing/detail/export.hpp>

namespace multiprocessing::detail {

/// \throws TransferError naming the type and what may be passed instead. `argument` counts from 1;
/// 0 is the callable.
[[noreturn]] MULTIPROCESSING_API void throw_target_stays(const std::type_info& type,
                                                         std::size_t argument);

/// Called once, in the child.
class MULTIPROCESSING_API Target {
 public:
  Target() = default;
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;
  virtual ~Target() = default;
  virtual void call() = 0;
  /// For a child that is not forked: who makes it again, and of what.
  /// \throws TransferError if it cannot be transferred.
  virtual void encode(Writer& out) const = 0;
  static std::unique_ptr<Target> decode(Reader& in);

 protected:
  using Maker = std::unique_ptr<Target>(Reader& in);
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

  void encode(Writer& out) const override {
    if constexpr (!TransferableCallable<F>) {
      throw_target_stays(typeid(F), 0);
    } else if constexpr (!(is_transferable_v<Args> && ...)) {
      throw_target_stays(*untransferable_argument().first, untransferable_argument().second);
    } else {
      encode_token(out, token_of_function(&BoundTarget::make));
      encode_value(out, f_);
      std::apply([&](const Args&... args) { (encode_value(out, args), ...); }, args_);
    }
  }

 private:
  static std::unique_ptr<Target> make(Reader& in) {
    F f = decode_value<F>(in);
    // Braces: evaluated from left to right.
    std::tuple<Args...> args{decode_value<Args>(in)...};
    return std::unique_ptr<Target>(new BoundTarget(std::move(f), std::move(args)));
  }
  BoundTarget(F&& f, std::tuple<Args...>&& args) : f_(std::move(f)), args_(std::move(args)) {}

  static std::pair<const std::type_info*, std::size_t> untransferable_argument() noexcept {
    std::size_t number = 0;
    std::pair<const std::type_info*, std::size_t> found{nullptr, 0};
    ((++number, found.first == nullptr && !is_transferable_v<Args>
                    ? void(found = {&typeid(Args), number})
                    : void()),
     ...);
    return found;
  }

  F f_;
  std::tuple<Args...> args_;
};

}  // namespace multiprocessing::detail
