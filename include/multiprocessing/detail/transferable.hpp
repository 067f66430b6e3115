#pragma once

/// \file multiprocessing/detail/transferable.hpp
/// Decides which types may cross to another process, and says why one may not.
/// `trivially_transferable` and `is_transferable_v` are public.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include <multiprocessing/detail/aggregate.hpp>
#include <multiprocessing/detail/codec_stream.hpp>
#include <multiprocessing/detail/refusal.hpp>

namespace multiprocessing {

/// Opt in: `template <> inline constexpr bool multiprocessing::trivially_transferable<T> = true;`
/// vouches that the bytes of a T mean the same in another process.
template <class T>
inline constexpr bool trivially_transferable = false;

class Timeout;
template <>
inline constexpr bool trivially_transferable<Timeout> = true;  // as what it was made from

/// How a T becomes bytes. A specialization has `Parts` (the types it is made of), `kName`,
/// `kFixed` (its bytes are copied as they are), `encode` and `decode`.
template <class T>
struct Codec;

}  // namespace multiprocessing

namespace multiprocessing::detail {

using multiprocessing::Codec;

/// A handle of this library: `handle_id()`, and static `from_handle_id(HandleId)`.
template <class T>
concept SharedHandle = requires { typename T::multiprocessing_handle; };

template <class T>
concept Specialized = !requires { typename Codec<T>::Unspecialized; };

__extension__ using Int128 = __int128;
__extension__ using UInt128 = unsigned __int128;

template <class T>
concept PlainScalar = std::is_arithmetic_v<T> || std::is_enum_v<T> || std::same_as<T, Int128> ||
                      std::same_as<T, UInt128>;

/// Functions by address: they travel as code tokens.
template <class T>
concept CodePointer = (std::is_pointer_v<T> && std::is_function_v<std::remove_pointer_t<T>>) ||
                      std::is_member_function_pointer_v<T>;

/// Captureless lambdas, std::less and their like: there is nothing to send.
template <class T>
concept Stateless = std::is_class_v<T> && std::is_empty_v<T> && std::is_trivially_copyable_v<T> &&
                    std::is_default_constructible_v<T> && !std::is_polymorphic_v<T>;

// Looks for any member named `serialize`, also a private one: inherited twice, it is ambiguous.
struct NamesSerialize {
  int serialize;
};
template <class T>
struct NamesItTwice : T, NamesSerialize {};

template <class T>
constexpr bool names_serialize() {
  if constexpr (!std::is_class_v<T> || std::is_empty_v<T>) {
    return false;
  } else if constexpr (std::is_final_v<T>) {
    return requires(T& value, Writer& archive) { value.serialize(archive, 0U); };
  } else {
    return !requires { &NamesItTwice<T>::serialize; };
  }
}

template <class T>
concept HasSerialize = names_serialize<T>();

/// A class that is sent field by field.
template <class T>
concept FieldByField = Aggregate<T> && !HasSerialize<T> && kReflectable<T>;

// One question after the other: NOLINTBEGIN(bugprone-branch-clone)

/// May a T be sent? `Seen` are the classes around it: a class may contain itself.
template <class T_, class... Seen>
consteval bool transferable() {
  using T = std::remove_cv_t<T_>;
  if constexpr (trivially_transferable<T> || PlainScalar<T> || SharedHandle<T> || CodePointer<T>) {
    return true;
  } else if constexpr (std::is_array_v<T>) {
    return transferable<std::remove_extent_t<T>, Seen...>();
  } else if constexpr (!std::is_class_v<T>) {
    return false;
  } else if constexpr (Specialized<T>) {
    return []<class... P>(Types<P...>) {
      return (transferable<P, Seen...>() && ...);
    }(typename Codec<T>::Parts{});
  } else if constexpr ((std::is_same_v<T, Seen> || ...) || Stateless<T>) {
    return true;
  } else if constexpr (FieldByField<T>) {
    return []<class... F>(Types<F...>) {
      return (transferable<F, T, Seen...>() && ...);
    }(FieldsOf<T>{});
  } else {
    return false;
  }
}

/// The bytes of a T are copied as they are.
template <class T_>
consteval bool plain() {
  using T = std::remove_cv_t<T_>;
  if constexpr (trivially_transferable<T> || PlainScalar<T>) {
    return true;
  } else if constexpr (std::is_array_v<T>) {
    return plain<std::remove_extent_t<T>>();
  } else if constexpr (!std::is_class_v<T> || SharedHandle<T>) {
    return false;
  } else if constexpr (Specialized<T>) {
    return Codec<T>::kFixed;
  } else if constexpr (Stateless<T>) {
    return true;
  } else if constexpr (std::is_trivially_copyable_v<T>) {
    if constexpr (FieldByField<T>) {
      return []<class... F>(Types<F...>) { return (plain<F>() && ...); }(FieldsOf<T>{});
    } else {
      return false;
    }
  } else {
    return false;
  }
}

// NOLINTEND(bugprone-branch-clone)

template <class T>
inline constexpr bool is_plain_v = plain<T>();

}  // namespace multiprocessing::detail

namespace multiprocessing {

/// True for what may be put into a queue, sent, stored and passed to tasks.
template <class T>
inline constexpr bool is_transferable_v = detail::transferable<T>();

}  // namespace multiprocessing

namespace multiprocessing::detail {

template <class T>
inline constexpr bool kIsView = false;
template <class C, class Traits>
inline constexpr bool kIsView<std::basic_string_view<C, Traits>> = true;
template <class T, std::size_t N>
inline constexpr bool kIsView<std::span<T, N>> = true;

template <class T>
inline constexpr bool kIsSmartPointer = false;
template <class T, class D>
inline constexpr bool kIsSmartPointer<std::unique_ptr<T, D>> = true;
template <class T>
inline constexpr bool kIsSmartPointer<std::shared_ptr<T>> = true;

/// What exactly may not be sent: `Type` itself, or its field number `Field`, of type `FieldType`.
template <class Type_, class FieldType_ = Type_, int Field_ = -1>
struct CannotBeSent {
  using Type = Type_;
  using FieldType = FieldType_;
  static constexpr int kField = Field_;
};

template <class T, class... Seen>
constexpr auto find_culprit();

template <class T, int Field, class... Seen, class F, class... Rest>
constexpr auto find_field(Types<F, Rest...>) {
  if constexpr (transferable<F, T, Seen...>()) {
    return find_field<T, Field + 1, Seen...>(Types<Rest...>{});
  } else {
    using Inner = decltype(find_culprit<std::remove_cv_t<F>, T, Seen...>());
    if constexpr (Inner::kField >= 0) {
      return Inner{};
    } else {
      return CannotBeSent<T, F, Field>{};
    }
  }
}

template <class... Seen, class P, class... Rest>
constexpr auto find_part(Types<P, Rest...>) {
  if constexpr (transferable<P, Seen...>()) {
    return find_part<Seen...>(Types<Rest...>{});
  } else {
    return find_culprit<std::remove_cv_t<P>, Seen...>();
  }
}

template <class T, class... Seen>
constexpr auto find_culprit() {
  if constexpr (!std::is_class_v<T>) {
    return CannotBeSent<T>{};
  } else if constexpr (Specialized<T>) {
    return find_part<Seen...>(typename Codec<T>::Parts{});
  } else if constexpr (FieldByField<T>) {
    return find_field<T, 0, Seen...>(FieldsOf<T>{});
  } else {
    return CannotBeSent<T>{};
  }
}

/// Why a T may not be sent; void if it may.
template <class T>
constexpr auto why_not() {
  if constexpr (!is_transferable_v<T>) return find_culprit<std::remove_cv_t<T>>();
}

/// Stops the compiler if a T may not be sent, or for another reason. This is the one place where
/// types and callables are refused; the compiler prints `Why` with it, the class and the field.
/// What users call has it in its own body: each step in between is three more lines of the message.
template <class T, class Why = decltype(why_not<T>())>
constexpr void require_transferable() {
  static_assert(!kHoldsSomething<Why>,
                "this callable captures or holds something and cannot be sent to another process: "
                "bind its arguments with partial(f, args...), or wrap it in by_value(lambda) if it "
                "captures by value only");
  static_assert(!kDoesNotTake<Why>,
                "this callable does not take these arguments: for an overloaded name, or a default "
                "argument that is left out, wrap it in a lambda");
  static_assert(!kIsNoTuple<Why>,
                "starmap takes a range of std::tuple or std::pair, whose fields are the arguments; "
                "for one argument an element use map");
  if constexpr (requires { typename Why::FieldType; }) {
    using F = typename Why::FieldType;
    constexpr bool kPointer = std::is_pointer_v<F> || std::is_reference_v<F> ||
                              std::is_member_pointer_v<F> || std::is_null_pointer_v<F>;
    constexpr bool kSerialize = HasSerialize<F>;
    constexpr bool kBase = !kPointer && !kSerialize && HasBase<F>;
    constexpr bool kOther =
        !kPointer && !kSerialize && !kBase && !kIsView<F> && !kIsSmartPointer<F>;
    static_assert(!kPointer,
                  "a pointer or reference means nothing in another process: send the "
                  "object itself, or a handle such as Value or Array");
    static_assert(!kIsView<F>,
                  "a view means nothing in another process: send the owner "
                  "(std::string, std::vector)");
    static_assert(!kIsSmartPointer<F>,
                  "a pointer to a base class, to an array or with a deleter "
                  "needs #include <multiprocessing/serialization.hpp>");
    static_assert(!kSerialize,
                  "this class has serialize(): #include "
                  "<multiprocessing/serialization.hpp> before its first use");
    static_assert(!kBase,
                  "an aggregate with a base class cannot be taken apart: make the base a "
                  "field, or give the class serialize() and #include "
                  "<multiprocessing/serialization.hpp>");
    static_assert(!kOther,
                  "this type cannot be sent to another process: make it an aggregate of "
                  "transferable fields, give it serialize() and #include "
                  "<multiprocessing/serialization.hpp>, or specialize "
                  "multiprocessing::trivially_transferable for it");
  }
}

template <class T>
concept Character = std::same_as<T, char> || std::same_as<T, wchar_t> || std::same_as<T, char8_t> ||
                    std::same_as<T, char16_t> || std::same_as<T, char32_t>;

template <class T>
struct Stored {
  using type = T;
};
template <class C>
  requires Character<std::remove_cv_t<C>>
struct Stored<C*> {
  using type = std::basic_string<std::remove_cv_t<C>>;
};

/// As what an argument is kept: decayed, character arrays and pointers as strings.
template <class T>
using stored_t = typename Stored<std::decay_t<T>>::type;

}  // namespace multiprocessing::detail
