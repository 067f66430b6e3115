#pragma once

/// \file multiprocessing/detail/exposed_containers.hpp
/// Proxies of Dict, List, Set and Namespace. Each call is what it is of the handle: most are one
/// atomic step. Of a container of handles `at` gives a proxy, where the handle's class has one.
///
///   sharing   as every Proxy
///   threads   every call may be made concurrently
///   ordering  as of the handles themselves
///   death     of a caller: its call runs to its end; nothing is held between calls

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <multiprocessing/detail/dict.hpp>
#include <multiprocessing/detail/exposed_functions.hpp>
#include <multiprocessing/detail/list.hpp>
#include <multiprocessing/detail/namespace.hpp>
#include <multiprocessing/detail/set.hpp>
#include <multiprocessing/errors.hpp>

namespace multiprocessing::detail {

template <class K, class V>
struct DictExposure {
  using Object = Dict<K, V>;

  static given_t<V> at(Object& dict, const K& key) { return given(dict.at(key)); }
  static std::optional<V> get(Object& dict, const K& key) { return dict.get(key); }
  static void set(Object& dict, const K& key, const V& value) { dict.set(key, value); }
  static V setdefault(Object& dict, const K& key, const V& value) {
    return dict.setdefault(key, value);
  }
  static V pop(Object& dict, const K& key) { return dict.pop(key); }
  static std::pair<K, V> popitem(Object& dict) { return dict.popitem(); }
  static void update(Object& dict, const std::vector<std::pair<K, V>>& items) {
    dict.update(items);
  }
  static bool contains(Object& dict, const K& key) { return dict.contains(key); }
  static bool erase(Object& dict, const K& key) { return dict.erase(key); }
  static std::uint64_t size(Object& dict) { return dict.size(); }
  static void clear(Object& dict) { dict.clear(); }
  static std::vector<std::pair<K, V>> items(Object& dict) { return dict.items(); }
  static std::vector<K> keys(Object& dict) { return dict.keys(); }
  static std::vector<V> values(Object& dict) { return dict.values(); }
  MULTIPROCESSING_EXPOSE_FUNCTIONS(DictExposure, at, get, set, setdefault, pop, popitem, update,
                                   contains, erase, size, clear, items, keys, values)

  /// As Dict's own.
  template <class Base>
  struct Methods : Listed<Base> {
    using Listed<Base>::Listed;

    // With types of their own, where braces may be given.
    void set(const K& key, const V& value) const { Listed<Base>::set(key, value); }
    void update(const std::vector<std::pair<K, V>>& items) const { Listed<Base>::update(items); }
    [[nodiscard]] std::optional<V> get(const K& key) const { return Listed<Base>::get(key); }
    [[nodiscard]] V get(const K& key, const V& otherwise) const {
      return Listed<Base>::get(key).value_or(otherwise);
    }
    V setdefault(const K& key, const V& value = {}) const {
      return Listed<Base>::setdefault(key, value);
    }
    [[nodiscard]] bool empty() const { return this->size() == 0; }
  };
};

/// What only elements that can be compared have. \throws ValueError for others
[[noreturn]] inline void throw_no_comparison(const char* method) {
  throw ValueError(std::string(method) + " needs elements that can be compared");
}

template <class T>
struct ListExposure {
  using Object = List<T>;
  using Index = std::int64_t;

  static given_t<T> at(Object& list, Index index) { return given(list.at(index)); }
  static void set(Object& list, Index index, const T& value) { list.set(index, value); }
  static void append(Object& list, const T& value) { list.append(value); }
  static void insert(Object& list, Index index, const T& value) { list.insert(index, value); }
  static T pop(Object& list, Index index) { return list.pop(index); }
  static void remove(Object& list, const T& value) {
    if constexpr (std::equality_comparable<T>) {
      list.remove(value);
    } else {
      throw_no_comparison("remove");
    }
  }
  static std::uint64_t erase(Object& list, Index first, Index last) {
    return list.erase(first, last);
  }
  static std::uint64_t index(Object& list, const T& value, Index first, Index last) {
    if constexpr (std::equality_comparable<T>) {
      return list.index(value, first, last);
    } else {
      throw_no_comparison("index");
    }
  }
  static std::uint64_t count(Object& list, const T& value) {
    if constexpr (std::equality_comparable<T>) {
      return list.count(value);
    } else {
      throw_no_comparison("count");
    }
  }
  static std::uint64_t size(Object& list) { return list.size(); }
  static void sort(Object& list) {
    if constexpr (std::totally_ordered<T>) {
      list.sort();
    } else {
      throw_no_comparison("sort");
    }
  }
  static void reverse(Object& list) { list.reverse(); }
  static std::vector<T> slice(Object& list, Index first, Index last, Index step) {
    return list.slice(first, last, step);
  }
  static void set_slice(Object& list, Index first, Index last, const std::vector<T>& items) {
    list.set_slice(first, last, items);
  }
  MULTIPROCESSING_EXPOSE_FUNCTIONS(ListExposure, at, set, append, insert, pop, remove, erase, index,
                                   count, size, sort, reverse, slice, set_slice)

  /// As List's own.
  template <class Base>
  struct Methods : Listed<Base> {
    using Listed<Base>::Listed;
    static constexpr Index npos = Object::npos;

    // With types of their own, where braces may be given.
    void set(Index index, const T& value) const { Listed<Base>::set(index, value); }
    void append(const T& value) const { Listed<Base>::append(value); }
    void insert(Index index, const T& value) const { Listed<Base>::insert(index, value); }
    void remove(const T& value) const { Listed<Base>::remove(value); }
    [[nodiscard]] std::size_t count(const T& value) const { return Listed<Base>::count(value); }
    void set_slice(Index first, Index last, const std::vector<T>& items) const {
      Listed<Base>::set_slice(first, last, items);
    }
    /// All of them appear together.
    void extend(const std::vector<T>& items) const { set_slice(npos, npos, items); }
    T pop(Index index = -1) const { return Listed<Base>::pop(index); }
    /// How many there were.
    std::size_t erase(Index first, Index last) const { return Listed<Base>::erase(first, last); }
    void clear() const { erase(0, npos); }
    [[nodiscard]] std::size_t index(const T& value, Index first = 0, Index last = npos) const {
      return Listed<Base>::index(value, first, last);
    }
    [[nodiscard]] bool contains(const T& value) const { return count(value) != 0; }
    [[nodiscard]] bool empty() const { return this->size() == 0; }
    [[nodiscard]] std::vector<T> slice(Index first = 0, Index last = npos, Index step = 1) const {
      return Listed<Base>::slice(first, last, step);
    }
    [[nodiscard]] std::vector<T> copy() const { return slice(); }
  };
};

template <class T>
struct SetExposure {
  using Object = Set<T>;
  using Copy = typename Object::Copy;

  static bool add(Object& set, const T& element) { return set.add(element); }
  static bool discard(Object& set, const T& element) { return set.discard(element); }
  static void remove(Object& set, const T& element) { set.remove(element); }
  static T pop(Object& set) { return set.pop(); }
  static void update(Object& set, const std::vector<T>& elements) { set.update(elements); }
  static void difference_update(Object& set, const std::vector<T>& elements) {
    set.difference_update(elements);
  }
  static bool contains(Object& set, const T& element) { return set.contains(element); }
  static std::uint64_t size(Object& set) { return set.size(); }
  static void clear(Object& set) { set.clear(); }
  static Copy copy(Object& set) { return set.copy(); }
  MULTIPROCESSING_EXPOSE_FUNCTIONS(SetExposure, add, discard, remove, pop, update,
                                   difference_update, contains, size, clear, copy)

  /// As Set's own.
  template <class Base>
  struct Methods : Listed<Base> {
    using Listed<Base>::Listed;
    void update(const std::vector<T>& elements) const { Listed<Base>::update(elements); }
    void difference_update(const std::vector<T>& elements) const {
      Listed<Base>::difference_update(elements);
    }
    [[nodiscard]] bool empty() const { return this->size() == 0; }
  };
};

/// Values travel as they lie there: the manager need not know their types.
struct NamespaceExposure {
  using Object = Namespace;

  static NamespaceValue get(Object& space, const std::string& name) { return space.take(name); }
  static void set(Object& space, const std::string& name, const NamespaceValue& value) {
    space.put(name, value);
  }
  static bool contains(Object& space, const std::string& name) { return space.contains(name); }
  static bool erase(Object& space, const std::string& name) { return space.erase(name); }
  MULTIPROCESSING_EXPOSE_FUNCTIONS(NamespaceExposure, get, set, contains, erase)

  /// As Namespace's own.
  template <class Base>
  struct Methods : Listed<Base> {
    using Listed<Base>::Listed;

    template <class T>
    [[nodiscard]] T get(const std::string& name) const {
      return Listed<Base>::get(name).template as<T>(name);
    }
    template <class T>
    void set(const std::string& name, const T& value) const {
      Listed<Base>::set(name, NamespaceValue::of(value));
    }
  };
};

}  // namespace multiprocessing::detail

namespace multiprocessing {

// Found by the namespace of the handle.
template <class K, class V>
detail::DictExposure<K, V> multiprocessing_exposed(std::type_identity<Dict<K, V>>);
template <class T>
detail::ListExposure<T> multiprocessing_exposed(std::type_identity<List<T>>);
template <class T>
detail::SetExposure<T> multiprocessing_exposed(std::type_identity<Set<T>>);
detail::NamespaceExposure multiprocessing_exposed(std::type_identity<Namespace>);

}  // namespace multiprocessing
