#pragma once

/// \file multiprocessing/detail/exposed.hpp
/// Classes whose objects live in a manager and are used from other programs: Proxy<T> and
/// MULTIPROCESSING_EXPOSE, which are public.
///
///   sharing   copies of a Proxy refer to the same object, which the manager keeps while one of
///             them is there; a forked child may go on using those of its parent
///   threads   every call may be made concurrently, and the object's methods then run concurrently
///             in the manager, as in CPython: what they share they must lock
///   ordering  what a call did happens before it returns
///   death     of the manager: EOFError or std::system_error from every call; of a caller: its
///             call runs to its end, and what it held is let go of
///
/// \code
///   namespace shop {
///   class Stock { public: int take(const std::string& what, int count); int left() const; };
///   MULTIPROCESSING_EXPOSE(Stock, take, left)
///   }
///   mp::Proxy<shop::Stock> stock = manager.get<shop::Stock>("stock");
///   stock.take("bolts", 3);
/// \endcode

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include <multiprocessing/detail/managed.hpp>
#include <multiprocessing/detail/remote.hpp>
#include <multiprocessing/detail/timeout.hpp>

namespace multiprocessing {

template <class T>
class Proxy;

}  // namespace multiprocessing

namespace multiprocessing::detail {

template <class R>
struct ProxyResult {
  using type = sent_t<R>;
};
template <>
struct ProxyResult<void> {
  using type = void;
};
template <class R>
  requires kIsExposedPointer<sent_t<R>>
struct ProxyResult<R> {
  using type = Proxy<typename sent_t<R>::element_type>;
};
template <class R>
using proxy_result_t = typename ProxyResult<R>::type;

template <class R>
proxy_result_t<R> decode_result(RemoteCall& call, Reader& in) {
  using Result = proxy_result_t<R>;
  if constexpr (std::is_void_v<Result>) {
    in.finish();
  } else if constexpr (kIsExposedPointer<sent_t<R>>) {
    using T = typename sent_t<R>::element_type;
    return Result(call.object(in.plain<std::uint64_t>(), type_name<T>()));
  } else {
    auto result = decode_value<Result>(in);
    in.finish();
    return result;
  }
}

/// What all proxies have.
class ProxyBase {
 public:
  explicit ProxyBase(std::shared_ptr<RemoteObject> object) noexcept : object_(std::move(object)) {}

  /// Calls a method that was listed in the manager, by its name: CPython's `_callmethod`. The types
  /// of result and arguments must be exactly its own. \throws as every call of a proxy
  template <class R, class... Args>
  proxy_result_t<R> call_method(std::string_view name, Args&&... args) const {
    return invoke<R, sent_t<Args>...>({}, name, std::forward<Args>(args)...);
  }

  /// The number of the object in its manager.
  [[nodiscard]] std::uint64_t number() const { return object().number(); }

  /// The same object.
  friend bool operator==(const ProxyBase& a, const ProxyBase& b) noexcept {
    return a.object_ == b.object_ ||
           (a.object_ && b.object_ && a.object_->link() == b.object_->link() &&
            a.object_->number() == b.object_->number());
  }
  /// <Proxy of shop::Stock 3 at '/run/shop.socket'>
  friend std::ostream& operator<<(std::ostream& out, const ProxyBase& proxy) {
    return out << proxy.object().text();
  }

 protected:
  /// Calls the method M that was listed under `name`.
  template <auto M, class... Args>
  auto call(std::string_view name, Args&&... args) const {
    return call_within<M>(Timeout(), name, std::forward<Args>(args)...);
  }
  /// The same, with an answer within `limit`. \throws TimeoutError, too
  template <auto M, class... Args>
  auto call_within(Timeout limit, std::string_view name, Args&&... args) const {
    using Traits = MethodTraits<std::remove_cv_t<decltype(M)>>;
    using Arguments = typename Traits::Arguments;
    static_assert(std::tuple_size_v<Arguments> == sizeof...(Args),
                  "this method takes another number of arguments; default arguments do not count");
    if constexpr (std::tuple_size_v<Arguments> == sizeof...(Args)) {
      return converted<typename Traits::Result>(std::type_identity<Arguments>{}, limit, name,
                                                std::forward<Args>(args)...);
    }
  }

 private:
  template <class R, class... P, class... Args>
  auto converted(std::type_identity<std::tuple<P...>> /*types*/, Timeout limit,
                 std::string_view name, Args&&... args) const {
    return invoke<R, P...>(limit, name, std::forward<Args>(args)...);
  }

  template <class R, class... P, class... Args>
  proxy_result_t<R> invoke(Timeout limit, std::string_view name, Args&&... args) const {
    using Traits = MethodTraits<R (ProxyBase::*)(P...)>;
    RemoteCall call(object(), name, Traits::id(), Traits::describe());
    (encode_value(call.arguments(), static_cast<const P&>(P(std::forward<Args>(args)))), ...);
    return decode_result<R>(call, call.perform(limit));
  }

  [[nodiscard]] const RemoteObject& object() const {
    if (object_ == nullptr) throw ValueError("this proxy refers to nothing (it was moved from)");
    return *object_;
  }

  std::shared_ptr<RemoteObject> object_;
};

}  // namespace multiprocessing::detail

namespace multiprocessing {

/// An object of class T that lives in a manager. It has the methods that were listed; arguments are
/// copied there, results are copied here; a method that returns a std::shared_ptr to an object of
/// a listed class gives a Proxy of it.
///
/// All calls: \throws what the method threw, as its own type or as RemoteError; EOFError or
/// std::system_error if the manager is gone; ValueError if it has not listed the method, or with
/// another signature, naming both; KeyboardInterrupt
template <class T>
class Proxy : public detail::exposure_t<T>::template Methods<detail::ProxyBase> {
 public:
  using element_type = T;
  using detail::exposure_t<T>::template Methods<detail::ProxyBase>::Methods;
};

}  // namespace multiprocessing

#define MULTIPROCESSING_PARENS ()
#define MULTIPROCESSING_EXPAND(...) \
  MULTIPROCESSING_EXPAND1(          \
      MULTIPROCESSING_EXPAND1(MULTIPROCESSING_EXPAND1(MULTIPROCESSING_EXPAND1(__VA_ARGS__))))
#define MULTIPROCESSING_EXPAND1(...) \
  MULTIPROCESSING_EXPAND2(           \
      MULTIPROCESSING_EXPAND2(MULTIPROCESSING_EXPAND2(MULTIPROCESSING_EXPAND2(__VA_ARGS__))))
#define MULTIPROCESSING_EXPAND2(...) \
  MULTIPROCESSING_EXPAND3(           \
      MULTIPROCESSING_EXPAND3(MULTIPROCESSING_EXPAND3(MULTIPROCESSING_EXPAND3(__VA_ARGS__))))
#define MULTIPROCESSING_EXPAND3(...) __VA_ARGS__

#define MULTIPROCESSING_EACH_METHOD(macro, Class, ...) \
  __VA_OPT__(MULTIPROCESSING_EXPAND(MULTIPROCESSING_EACH_METHOD1(macro, Class, __VA_ARGS__)))
#define MULTIPROCESSING_EACH_METHOD1(macro, Class, method, ...) \
  macro(Class, method)                                          \
      __VA_OPT__(MULTIPROCESSING_EACH_METHOD2 MULTIPROCESSING_PARENS(macro, Class, __VA_ARGS__))
#define MULTIPROCESSING_EACH_METHOD2() MULTIPROCESSING_EACH_METHOD1

#define MULTIPROCESSING_LIST_METHOD(Class, method) \
  ::multiprocessing::detail::managed_method<Class, &Class::method>(#method),
#define MULTIPROCESSING_PROXY_METHOD(Class, method)                                     \
  template <class... Args>                                                              \
  auto method(Args&&... args) const {                                                   \
    return this->template call<&Class::method>(#method, ::std::forward<Args>(args)...); \
  }

/// In the namespace of the class: these methods of it may be called through a Proxy<Class>. They
/// must not be overloaded or templates; a template's name with commas needs an alias. A semicolon
/// may follow.
#define MULTIPROCESSING_EXPOSE(Class, ...)                                               \
  template <class>                                                                       \
  struct multiprocessing_exposure;                                                       \
  template <>                                                                            \
  struct multiprocessing_exposure<Class> {                                               \
    static ::multiprocessing::detail::ManagedMethods methods() {                         \
      static const ::std::array listed = {                                               \
          MULTIPROCESSING_EACH_METHOD(MULTIPROCESSING_LIST_METHOD, Class, __VA_ARGS__)}; \
      return listed;                                                                     \
    }                                                                                    \
    template <class MultiprocessingProxy>                                                \
    struct Methods : MultiprocessingProxy {                                              \
      using MultiprocessingProxy::MultiprocessingProxy;                                  \
      MULTIPROCESSING_EACH_METHOD(MULTIPROCESSING_PROXY_METHOD, Class, __VA_ARGS__)      \
    };                                                                                   \
  };                                                                                     \
  [[maybe_unused]] inline multiprocessing_exposure<Class> multiprocessing_exposed(       \
      ::std::type_identity<Class> /*type*/) {                                            \
    return {};                                                                           \
  }
