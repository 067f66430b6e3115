#pragma once

/// \file multiprocessing/detail/managed.hpp
/// What a manager knows of the objects that it gives out: how to make one, and the methods that may
/// be called from afar, each as a function over bytes.
///
///   sharing   plain descriptions; the objects belong to the manager's process
///   threads   a description is not changed once it was registered
///   ordering  what a call did happens before its result is there
///   death     of a caller: the call runs to its end, and its result is thrown away

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <multiprocessing/detail/codec.hpp>
#include <multiprocessing/detail/managed_scope.hpp>
#include <multiprocessing/errors.hpp>

namespace multiprocessing::detail {

/// A name under which objects can be had.
struct ManagedType {
  std::string name = {};
  ManagedClass type = {};
  std::uint64_t arguments = 0;  // of the factory
  std::string argument_names = {};
  std::function<std::shared_ptr<void>(Reader& arguments)> make = {};
  /// For handles: writes the object as itself. Empty: it can be had as a proxy only.
  void (*encode)(const void* object, Writer& out) = nullptr;
  ManagedMethods methods = {};  // none: it cannot be had as a proxy
};

// What types are to both sides.

template <class T>
void describe_managed(Schema& schema);

// A handle is described by what its items are: Queue<Job> of two programs may be two things.
template <template <class...> class H, class... Items>
void describe_items(Schema& schema, std::type_identity<H<Items...>> /*handle*/) {
  (describe_managed<Items>(schema), ...);
}
inline void describe_items(Schema& /*schema*/, ...) {}

template <class T>
void describe_managed(Schema& schema) {
  if constexpr (SharedHandle<T>) {
    schema.add(typeid(T).name());
    describe_items(schema, std::type_identity<T>{});
  } else if constexpr (std::is_void_v<T> || !is_transferable_v<T>) {
    schema.add(typeid(T).name());
  } else {
    describe_type<T>(schema);
  }
}

template <class... T>
std::uint64_t managed_id() {
  Schema schema;
  schema.add(sizeof...(T));
  (describe_managed<T>(schema), ...);
  return schema.value();
}

template <class T>
ManagedClass managed_class() {
  return {managed_id<T>(), type_name<T>()};
}

/// "(int, std::string)"
template <class... T>
std::string names_of_types() {
  std::string names;
  ((names += (names.empty() ? "" : ", ") + type_name<T>()), ...);
  return "(" + names + ")";
}

/// As what a parameter or result travels.
template <class P>
using sent_t = stored_t<std::remove_cvref_t<P>>;

// Classes whose methods were listed with MULTIPROCESSING_EXPOSE (exposed.hpp).

template <class T>
concept Exposed = requires { multiprocessing_exposed(std::type_identity<T>{}); };
template <class T>
using exposure_t = decltype(multiprocessing_exposed(std::type_identity<T>{}));

template <class R>
inline constexpr bool kIsExposedPointer = false;
template <Exposed T>
inline constexpr bool kIsExposedPointer<std::shared_ptr<T>> = true;

/// A result that others hold, too, until it has been received.
template <class R>
struct HeldResult {
  std::shared_ptr<const R> value;
};

/// What can be called: a method, or a function that takes the object first, and perhaps the scope.
template <class F>
struct MethodTraits;
template <class R, class C, class... P>
struct MethodTraits<R (C::*)(P...)> {
  using Result = R;
  using Arguments = std::tuple<sent_t<P>...>;
  static constexpr bool kByValue =
      ((!std::is_lvalue_reference_v<P> || std::is_const_v<std::remove_reference_t<P>>) && ...);
  static std::uint64_t id() { return managed_id<sent_t<R>, sent_t<P>...>(); }
  static std::string describe() {
    return (std::is_void_v<R> ? std::string("void") : readable_name(typeid(sent_t<R>))) + " " +
           names_of_types<sent_t<P>...>();
  }
};
template <class R, class C, class... P>
struct MethodTraits<R (C::*)(P...) const> : MethodTraits<R (C::*)(P...)> {};
template <class R, class C, class... P>
struct MethodTraits<R (C::*)(P...) noexcept> : MethodTraits<R (C::*)(P...)> {};
template <class R, class C, class... P>
struct MethodTraits<R (C::*)(P...) const noexcept> : MethodTraits<R (C::*)(P...)> {};
template <class R, class C, class... P>
struct MethodTraits<R (*)(C&, P...)> : MethodTraits<R (std::remove_const_t<C>::*)(P...)> {};
template <class R, class C, class... P>
struct MethodTraits<R (*)(C&, ManagedScope&, P...)>
    : MethodTraits<R (std::remove_const_t<C>::*)(P...)> {};
template <class R, class C, class... P>
struct MethodTraits<HeldResult<R> (*)(C&, ManagedScope&, P...)>
    : MethodTraits<R (std::remove_const_t<C>::*)(P...)> {};

template <class... T>
std::tuple<T...> decode_arguments(Reader& in, std::type_identity<std::tuple<T...>> /*types*/) {
  std::tuple<T...> arguments{decode_value<T>(in)...};  // braces: from left to right
  in.finish();
  return arguments;
}

/// A result: itself, or, of an exposed class, a number that stands for it.
template <class R>
void encode_result(Writer& out, ManagedScope& scope, R&& result) {
  using Sent = sent_t<R>;
  if constexpr (kIsExposedPointer<Sent>) {
    using T = typename Sent::element_type;
    if (result == nullptr) throw ValueError("a method returned no object");
    out.plain(scope.give(result, exposure_t<T>::methods(), managed_class<T>()));
  } else {
    auto kept = std::make_shared<const Sent>(std::forward<R>(result));
    encode_value(out, *kept);
    if (!out.handles().empty()) scope.keep(std::move(kept));
  }
}

template <class R>
void encode_result(Writer& out, ManagedScope& scope, HeldResult<R> result) {
  encode_value(out, *result.value);
  if (!out.handles().empty()) scope.keep(std::move(result.value));
}

template <class T, auto M>
void call_method(void* object, Reader& in, Writer& out, ManagedScope& scope) {
  using Traits = MethodTraits<std::remove_cv_t<decltype(M)>>;
  static_assert(Traits::kByValue,
                "an exposed method cannot change its arguments: they are another process's");
  auto arguments = decode_arguments(in, std::type_identity<typename Traits::Arguments>{});
  auto call = [object, &scope](auto&&... values) -> decltype(auto) {
    T& target = *static_cast<T*>(object);
    if constexpr (std::is_invocable_v<decltype(M), T&, ManagedScope&, decltype(values)...>) {
      return std::invoke(M, target, scope, std::forward<decltype(values)>(values)...);
    } else {
      return std::invoke(M, target, std::forward<decltype(values)>(values)...);
    }
  };
  if constexpr (std::is_void_v<typename Traits::Result>) {
    std::apply(call, std::move(arguments));
  } else {
    encode_result(out, scope, std::apply(call, std::move(arguments)));
  }
}

template <class T, auto M>
ManagedMethod managed_method(std::string_view name) {
  using Traits = MethodTraits<std::remove_cv_t<decltype(M)>>;
  return {name, Traits::id(), &Traits::describe, &call_method<T, M>};
}

// Factories.

struct NoFactory {};

template <class F>
struct FactoryTraits : FactoryTraits<decltype(&F::operator())> {};
template <class R, class... P>
struct FactoryTraits<R (*)(P...)> {
  using Result = R;
  using Arguments = std::tuple<sent_t<P>...>;
  static std::uint64_t id() { return managed_id<sent_t<P>...>(); }
  static std::string names() { return names_of_types<sent_t<P>...>(); }
};
template <class R, class C, class... P>
struct FactoryTraits<R (C::*)(P...)> : FactoryTraits<R (*)(P...)> {};
template <class R, class C, class... P>
struct FactoryTraits<R (C::*)(P...) const> : FactoryTraits<R (*)(P...)> {};
template <class R, class... P>
struct FactoryTraits<R (*)(P...) noexcept> : FactoryTraits<R (*)(P...)> {};
template <class R, class C, class... P>
struct FactoryTraits<R (C::*)(P...) const noexcept> : FactoryTraits<R (*)(P...)> {};

template <class T, class Made>
std::shared_ptr<void> managed_object(Made&& made) {
  using M = std::remove_cvref_t<Made>;
  if constexpr (std::is_convertible_v<M, std::shared_ptr<T>>) {
    std::shared_ptr<T> object = std::forward<Made>(made);
    if (object == nullptr) throw ValueError("a factory returned no object");
    return object;
  } else {
    return std::make_shared<T>(std::forward<Made>(made));
  }
}

/// One object for all who ask, made when the first one does.
template <class T>
auto only_one() {
  struct Room {
    std::mutex lock;
    std::shared_ptr<T> object;
  };
  return [room = std::make_shared<Room>()](Reader& arguments) -> std::shared_ptr<void> {
    arguments.finish();
    const std::lock_guard guard(room->lock);
    if (room->object == nullptr) room->object = std::make_shared<T>();
    return room->object;
  };
}

template <class T, class F>
ManagedType managed_type(std::string name, F factory) {
  static_assert(SharedHandle<T> || Exposed<T>,
                "a manager gives out handles (Queue, Lock, Dict, ...) and classes whose methods "
                "are listed with MULTIPROCESSING_EXPOSE(Class, methods...) in their namespace");
  ManagedType type{.name = std::move(name), .type = managed_class<T>()};
  if constexpr (std::is_same_v<F, NoFactory>) {
    type.arguments = managed_id<>();
    type.argument_names = names_of_types<>();
    if constexpr (std::is_default_constructible_v<T>) type.make = only_one<T>();
  } else {
    using Traits = FactoryTraits<F>;
    type.arguments = Traits::id();
    type.argument_names = Traits::names();
    type.make = [factory](Reader& in) mutable {
      auto arguments = decode_arguments(in, std::type_identity<typename Traits::Arguments>{});
      return managed_object<T>(std::apply(factory, std::move(arguments)));
    };
  }
  if constexpr (SharedHandle<T>) {
    type.encode = [](const void* object, Writer& out) {
      encode_value(out, *static_cast<const T*>(object));
    };
  }
  if constexpr (Exposed<T>) type.methods = exposure_t<T>::methods();
  return type;
}

}  // namespace multiprocessing::detail
