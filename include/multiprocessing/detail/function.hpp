#pragma once

/// \file multiprocessing/detail/function.hpp
/// Function<R(Args...)>, which is public: any transferable callable as a value.
///
///   sharing   transferable itself; copies within a process share the callable's state
///   threads   a call is as safe as the callable; copying is safe
///   ordering  none
///   death     nothing shared is touched

#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

#include <multiprocessing/detail/task.hpp>
#include <multiprocessing/errors.hpp>

namespace multiprocessing {

template <class Signature>
class Function;

template <class T>
inline constexpr bool kIsFunction = false;
template <class S>
inline constexpr bool kIsFunction<Function<S>> = true;

template <class R, class... Args>
class Function<R(Args...)> {
 public:
  Function() noexcept = default;
  Function(std::nullptr_t) noexcept {}  // NOLINT(google-explicit-constructor): as std::function

  /// Holds `callable`. A null function pointer makes an empty Function.
  template <class F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, Function> &&
             std::is_invocable_r_v<R, std::decay_t<F>&, Args...>)
  Function(F&& callable) {  // NOLINT(google-explicit-constructor): as std::function
    using D = std::decay_t<F>;
    detail::require_transferable<D, detail::why_not_callable_t<D>>();
    if constexpr (is_transferable_v<D>) {
      if constexpr (detail::CodePointer<D>) {
        const D pointer = callable;
        if (pointer == nullptr) return;
      } else if constexpr (kIsFunction<D>) {
        if (!callable) return;
      }
      held_ = std::make_shared<Holder<D>>(std::forward<F>(callable));
    }
  }

  explicit operator bool() const noexcept { return held_ != nullptr; }

  /// \throws ValueError if empty.
  R operator()(Args... args) const {
    if (!held_) throw ValueError("an empty Function was called");
    return held_->call(std::forward<Args>(args)...);
  }

 private:
  friend struct Codec<Function>;

  struct Held {
    Held() = default;
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;
    virtual ~Held() = default;
    virtual R call(Args&&... args) = 0;
    virtual void encode(detail::Writer& out) const = 0;
  };

  using Decode = std::shared_ptr<Held> (*)(detail::Reader&);

  template <class F>
  struct Holder final : Held {
    explicit Holder(F callable) : function(std::move(callable)) {}
    R call(Args&&... args) override {
      if constexpr (std::is_void_v<R>) {
        std::invoke(function, std::forward<Args>(args)...);
      } else {
        return std::invoke(function, std::forward<Args>(args)...);
      }
    }
    void encode(detail::Writer& out) const override {
      static const detail::CodeToken named = detail::token_of_function(&Holder::decode);
      detail::encode_token(out, named);
      detail::encode_value(out, function);
    }
    static std::shared_ptr<Held> decode(detail::Reader& in) {
      return std::make_shared<Holder>(detail::decode_value<F>(in));
    }
    F function;
  };

  std::shared_ptr<Held> held_;
};

template <class R, class... Args>
struct Codec<Function<R(Args...)>> {
  using F = Function<R(Args...)>;
  using Parts = detail::Types<>;
  static constexpr std::string_view kName = "function";
  static constexpr bool kFixed = false;

  static void encode(detail::Writer& out, const F& function) {
    const detail::Nested<detail::Writer> level(out);
    detail::encode_value(out, static_cast<bool>(function));
    if (function) function.held_->encode(out);
  }
  static F decode(detail::Reader& in) {
    const detail::Nested<detail::Reader> level(in);
    F function;
    if (!in.trusted()) detail::throw_untrusted("a function");
    if (!detail::decode_value<bool>(in)) return function;
    const auto decode =
        detail::function_of_token<std::shared_ptr<typename F::Held>(detail::Reader&)>(
            detail::decode_token(in));
    function.held_ = decode(in);
    return function;
  }
};

}  // namespace multiprocessing

namespace multiprocessing::detail {

template <class R, class... P, std::size_t I>
struct Param<Function<R(P...)>, I> : NthParam<I, P...> {};

}  // namespace multiprocessing::detail
