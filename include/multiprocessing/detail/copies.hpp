#pragma once

/// \file multiprocessing/detail/copies.hpp
/// Can a value be copied? `std::is_copy_constructible` says yes for a vector of things that cannot.

#include <type_traits>

#include <multiprocessing/detail/transferable.hpp>

namespace multiprocessing::detail {

// One question after the other: NOLINTBEGIN(bugprone-branch-clone)

/// `Seen` are the classes around it: a class may contain itself.
template <class T_, class... Seen>
consteval bool copies() {
  using T = std::remove_cv_t<T_>;
  if constexpr (!std::is_copy_constructible_v<T>) {
    return false;
  } else if constexpr (requires { Codec<T>::kIsHandle; }) {
    return true;
  } else if constexpr (!std::is_class_v<T> || kIsSmartPointer<T> || SharedHandle<T> ||
                       (std::is_same_v<T, Seen> || ...)) {
    return true;
  } else if constexpr (Specialized<T>) {
    return []<class... P>(Types<P...>) {
      return (copies<P, T, Seen...>() && ...);
    }(typename Codec<T>::Parts{});
  } else if constexpr (FieldByField<T>) {
    return []<class... F>(Types<F...>) { return (copies<F, T, Seen...>() && ...); }(FieldsOf<T>{});
  } else {
    return true;
  }
}

// NOLINTEND(bugprone-branch-clone)

template <class T>
inline constexpr bool kCopies = copies<T>();

}  // namespace multiprocessing::detail
