#pragma once

/// \file multiprocessing/detail/aggregate.hpp
/// The fields of a plain aggregate: how many, of which types, one by one, and built from them.
/// Boost.PFR takes objects apart. Fields are counted here, because PFR takes the elements of an
/// array for fields, and because GCC 12 crashes where PFR counts an array of strings.

#include <boost/pfr/core.hpp>
#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

#include <multiprocessing/detail/aggregate_tie.hpp>

namespace multiprocessing::detail {

// These convert by design: NOLINTBEGIN(google-explicit-constructor)

template <class T>
struct AnyBaseOf {  // converts to a base class of T and to nothing else
  template <class B>
    requires(std::is_base_of_v<B, T> && !std::is_same_v<B, T>)
  operator B() const;
};

template <class T>
concept HasBase = requires { T{AnyBaseOf<T>{}}; };

/// A class that can be taken apart into its fields, as far as the language can tell.
template <class T>
concept Aggregate = std::is_class_v<T> && std::is_aggregate_v<T> && !std::is_polymorphic_v<T> &&
                    std::is_move_constructible_v<T> && !HasBase<T>;

/// PFR loses `const` and `&` of fields; a class that has such fields cannot be assigned.
template <class T>
inline constexpr bool kTied = !(std::is_move_assignable_v<T> || std::is_copy_assignable_v<T>);

struct AnyLvalue {  // initializes any field of a class that can be copied
  std::size_t index;
  template <class Field>
  operator Field&() const&& noexcept;
  template <class Field>
  operator Field&() const& noexcept;
};
struct AnyPrvalue {  // any field that is no reference
  std::size_t index;
  template <class Field>
  operator Field() const&& noexcept;
};
// NOLINTEND(google-explicit-constructor)

// Clang compiles the copy constructor that an lvalue asks for, also where nothing is evaluated:
// that of a vector of elements that can only be moved does not compile, though it seems to be
// there.
#if defined(__clang__)
template <class T>
inline constexpr bool kFromLvalues = std::is_copy_constructible_v<T> && (kTied<T> || !Aggregate<T>);
#else
template <class T>
inline constexpr bool kFromLvalues = std::is_copy_constructible_v<T>;
#endif

template <class T>
using AnyField = std::conditional_t<kFromLvalues<T>, AnyLvalue, AnyPrvalue>;

// T can be written T{before..., {inner...}, after...}. Arrays take as many `inner` as they have
// elements, and one place per element outside of braces; anything else takes one place.
template <class T, std::size_t... Before, std::size_t... Inner, std::size_t... After>
constexpr bool brace_takes(std::index_sequence<Before...>, std::index_sequence<Inner...>,
                           std::index_sequence<After...>) {
  return requires { T{AnyField<T>{Before}..., {AnyField<T>{Inner}...}, AnyField<T>{After}...}; };
}

template <class T, std::size_t Before, std::size_t Inner, std::size_t After>
inline constexpr bool kTakes =
    brace_takes<T>(std::make_index_sequence<Before>{}, std::make_index_sequence<Inner>{},
                   std::make_index_sequence<After>{});

template <class T, std::size_t... I>
constexpr bool takes_places(std::index_sequence<I...>) {
  return requires { T{AnyField<T>{I}...}; };
}

template <class T, std::size_t Count>
inline constexpr bool kTakesPlaces = takes_places<T>(std::make_index_sequence<Count>{});

// The largest count in [Low, High) that T takes; it takes Low.
template <class T, std::size_t Low, std::size_t High>
constexpr std::size_t most_places() {
  if constexpr (High - Low <= 1) {
    return Low;
  } else {
    constexpr std::size_t kMiddle = Low + (High - Low) / 2;
    if constexpr (kTakesPlaces<T, kMiddle>) {
      return most_places<T, kMiddle, High>();
    } else {
      return most_places<T, Low, kMiddle>();
    }
  }
}

// Fields without a default must all be given, so the first count that fits is found by stepping;
// from there on larger counts fit up to the end.
template <class T, std::size_t Count = 0>
constexpr std::size_t count_places() {
  if constexpr (Count > sizeof(T) * 8) {
    return 0;  // cannot be made at all
  } else if constexpr (!kTakesPlaces<T, Count>) {
    return count_places<T, Count + 1>();
  } else if constexpr (kTakesPlaces<T, 2 * Count + 1>) {
    return count_places<T, 2 * Count + 1>();
  } else {
    return most_places<T, Count, 2 * Count + 1>();
  }
}

/// The most elements in [Low, High] that a braced list at place `At` can have.
template <class T, std::size_t At, std::size_t Low, std::size_t High>
constexpr std::size_t most_elements() {
  if constexpr (Low == High) {
    return Low;
  } else {
    constexpr std::size_t kMiddle = Low + (High - Low + 1) / 2;
    if constexpr (kTakes<T, At, kMiddle, 0>) {
      return most_elements<T, At, kMiddle, High>();
    } else {
      return most_elements<T, At, Low, kMiddle - 1>();
    }
  }
}

/// How many of the `Places` places the field that begins at place `At` takes.
template <class T, std::size_t Places, std::size_t At>
constexpr std::size_t places_of_field() {
  if constexpr (kTakes<T, At, 0, Places - At - 1>) {
    return 1;
  } else {
    constexpr std::size_t kMost = most_elements<T, At, 1, Places - At>();
    constexpr std::size_t kRest = Places - At - kMost;
    if constexpr (kMost > 1 && kTakes<T, At, kMost, kRest> && !kTakes<T, At, kMost, kRest + 1>) {
      return kMost;
    } else {
      return 1;
    }
  }
}

template <class T, std::size_t Places, std::size_t At = 0>
constexpr std::size_t count_fields() {
  if constexpr (At >= Places) {
    return 0;
  } else {
    return 1 + count_fields<T, Places, At + places_of_field<T, Places, At>()>();
  }
}

/// Places in a braced list: each element of an array counts.
template <class T>
inline constexpr std::size_t kPlaces = count_places<T>();

template <class T>
inline constexpr std::size_t kFields = count_fields<T, kPlaces<T>>();

template <class T>
inline constexpr bool kReflectable = kFields<T> <= (kTied<T> ? kMaxTiedFields : kMaxFields) &&
                                     (kFields<T> > 0 || std::is_empty_v<T>);

template <class T>
using FieldCount = boost::pfr::detail::size_t_<kFields<T>>;

template <class... Fields>
Types<std::remove_reference_t<Fields>...> types_of(
    const boost::pfr::detail::sequence_tuple::tuple<Fields...>&);

template <class T>
auto declared_fields() {
  if constexpr (kFields<T> == 0) {
    return Types<>{};
  } else if constexpr (kTied<T>) {
    return typename decltype(tie_fields<kFields<T>>(std::declval<T&>()))::Declared{};
  } else {
    return decltype(types_of(
        boost::pfr::detail::tie_as_tuple(std::declval<T&>(), FieldCount<T>{}))){};
  }
}

/// The types of the fields as declared.
template <class T>
using FieldsOf = decltype(declared_fields<T>());

/// Calls f(field) for each field in order.
template <class T, class F>
void for_each_field(const T& value, F f) {
  if constexpr (kFields<T> == 0) {
  } else if constexpr (kTied<T>) {
    std::apply([&](const auto&... field) { (f(field), ...); },
               tie_fields<kFields<T>>(value).fields);
  } else {
    const auto fields = boost::pfr::detail::tie_as_tuple(value, FieldCount<T>{});
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (f(std::as_const(boost::pfr::detail::sequence_tuple::get<I>(fields))), ...);
    }(std::make_index_sequence<kFields<T>>{});
  }
}

template <class... A, class... B>
constexpr Types<A..., B...> operator+(Types<A...>, Types<B...>) {
  return {};
}

template <class Type, std::size_t>
using Repeat = Type;

// One type per place: an array of n is n times its element type.
template <class Field, std::size_t... I>
auto places_types(std::index_sequence<I...>) {
  return Types<Repeat<std::remove_cv_t<std::remove_all_extents_t<Field>>, I>...>{};
}

template <class Field>
constexpr std::size_t elements_of() {
  if constexpr (std::is_array_v<Field>) {
    return std::extent_v<Field> * elements_of<std::remove_extent_t<Field>>();
  } else {
    return 1;
  }
}

template <class... Fields>
auto places_types(Types<Fields...>) {
  return (Types<>{} + ... +
          places_types<Fields>(std::make_index_sequence<elements_of<Fields>()>{}));
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmissing-braces"
template <class T, class Make, class... Leaves>
T build_from(Make make, Types<Leaves...>) {
  return T { make.template operator()<Leaves>()... };  // in braces: evaluated from left to right
}
#pragma GCC diagnostic pop

/// A T whose fields are made by make.operator()<Field>(), in order.
template <class T, class Make>
T build(Make make) {
  return build_from<T>(make, decltype(places_types(FieldsOf<T>{})){});
}

}  // namespace multiprocessing::detail
