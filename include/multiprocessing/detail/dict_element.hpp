#pragma once

/// \file multiprocessing/detail/dict_element.hpp
/// What `d[key]` is: reads, writes and changes the key's value, each as one step.
///
///   sharing   names a key of a shared dict; holds no value
///   threads   as the dict
///   ordering  as the dict
///   death     as the dict

#include <concepts>
#include <ostream>
#include <type_traits>
#include <utility>
#include <vector>

#include <multiprocessing/detail/dict_codec.hpp>

namespace multiprocessing::detail {

/// `D` is a Dict. Made by its `operator[]`, to be used at once.
template <class D>
class DictElement {
 public:
  using Key = typename D::key_type;
  using Value = typename D::mapped_type;

  // NOLINTNEXTLINE(modernize-pass-by-value): a string arrives as a view
  DictElement(const D& dict, dict_key_t<Key> key) : dict_(&dict), key_(key) {}
  /// Of a dict that goes before this does: `d["outer"]["inner"] = 1`.
  DictElement(D&& dict, dict_key_t<Key> key) : key_(key) { kept_.push_back(std::move(dict)); }
  DictElement(const DictElement&) = delete;
  DictElement(DictElement&&) = delete;
  ~DictElement() = default;

  /// \throws KeyError naming the key
  operator Value() const { return get(); }  // NOLINT(google-explicit-constructor)
  [[nodiscard]] Value get() const { return dict().at(key_); }

  // NOLINTBEGIN(misc-unconventional-assign-operator,bugprone-unhandled-self-assignment): assigns to
  // the key's value, not to this
  const DictElement& operator=(const Value& value) const {
    dict().set(key_, value);
    return *this;
  }
  template <class U>
    requires std::convertible_to<U&&, Value> && (!std::same_as<std::decay_t<U>, DictElement>)
  const DictElement& operator=(U&& value) const {
    dict().set(key_, Value(std::forward<U>(value)));
    return *this;
  }
  const DictElement& operator=(const DictElement& other) const { return *this = other.get(); }
  DictElement& operator=(const DictElement& other) {
    std::as_const(*this) = other.get();
    return *this;
  }
  // NOLINTEND(misc-unconventional-assign-operator,bugprone-unhandled-self-assignment)

  // Each is one atomic step and returns the new value. \throws KeyError if the key is not there
#define MULTIPROCESSING_DICT_ASSIGN(op)                                     \
  template <class U>                                                        \
    requires requires(Value& value, const U& operand) { value op operand; } \
  Value operator op(const U& operand) const {                               \
    return change([&](Value& value) { value op operand; });                 \
  }
  MULTIPROCESSING_DICT_ASSIGN(+=)
  MULTIPROCESSING_DICT_ASSIGN(-=)
  MULTIPROCESSING_DICT_ASSIGN(*=)
  MULTIPROCESSING_DICT_ASSIGN(/=)
  MULTIPROCESSING_DICT_ASSIGN(%=)
  MULTIPROCESSING_DICT_ASSIGN(&=)
  MULTIPROCESSING_DICT_ASSIGN(|=)
  MULTIPROCESSING_DICT_ASSIGN(^=)
  MULTIPROCESSING_DICT_ASSIGN(<<=)
  MULTIPROCESSING_DICT_ASSIGN(>>=)
#undef MULTIPROCESSING_DICT_ASSIGN

  Value operator++() const
    requires requires(Value& value) { ++value; }
  {
    return change([](Value& value) { ++value; });
  }
  Value operator--() const
    requires requires(Value& value) { --value; }
  {
    return change([](Value& value) { --value; });
  }
  /// These return the former value.
  Value operator++(int) const
    requires requires(Value& value) { ++value; }
  {
    return former([](Value& value) { ++value; });
  }
  Value operator--(int) const
    requires requires(Value& value) { --value; }
  {
    return former([](Value& value) { --value; });
  }

  /// Of a value that is itself a handle or a container.
  template <class I>
    requires requires(Value value, I&& index) { std::move(value)[std::forward<I>(index)]; }
  decltype(auto) operator[](I&& index) const {
    using Result = decltype(std::declval<Value>()[std::forward<I>(index)]);
    if constexpr (std::is_reference_v<Result>) {
      return std::decay_t<Result>(get()[std::forward<I>(index)]);  // the value itself is a copy
    } else {
      return get()[std::forward<I>(index)];
    }
  }

  template <class U>
    requires(!std::same_as<U, DictElement>) && std::equality_comparable_with<Value, U>
  friend bool operator==(const DictElement& element, const U& other) {
    return element.get() == other;
  }
  friend bool operator==(const DictElement& a, const DictElement& b)
    requires std::equality_comparable<Value>
  {
    return a.get() == b.get();
  }
  friend std::ostream& operator<<(std::ostream& out, const DictElement& element)
    requires requires(const Value& value) { out << value; }
  {
    return out << element.get();
  }

 private:
  [[nodiscard]] const D& dict() const noexcept { return dict_ == nullptr ? kept_.front() : *dict_; }

  template <class F>
  Value change(F f) const {
    return dict().change(key_, f);
  }
  template <class F>
  Value former(F f) const {
    std::vector<Value> former;
    change([&](Value& value) {
      former.push_back(value);
      f(value);
    });
    return std::move(former.front());
  }

  const D* dict_ = nullptr;
  std::vector<D> kept_;  // one at the most, if `dict_` is null
  Key key_;
};

}  // namespace multiprocessing::detail
