#pragma once

/// \file multiprocessing/detail/dict.hpp
/// The class behind `multiprocessing/managers.hpp`: Dict.

#include <concepts>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <map>
#include <optional>
#include <ostream>
#include <ranges>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <multiprocessing/detail/dict_bytes.hpp>
#include <multiprocessing/detail/dict_codec.hpp>
#include <multiprocessing/detail/dict_element.hpp>
#include <multiprocessing/detail/dict_iterator.hpp>
#include <multiprocessing/detail/dict_repr.hpp>
#include <multiprocessing/errors.hpp>

namespace multiprocessing::detail {

/// A map, a vector of pairs, what items() returns.
template <class R>
concept PairRange = std::ranges::input_range<R> && requires {
  requires std::tuple_size<std::remove_cvref_t<std::ranges::range_reference_t<R>>>::value == 2;
};

}  // namespace multiprocessing::detail

namespace multiprocessing {

/// A dictionary in shared memory. Reading takes no lock; every function below is one atomic step,
/// unless it says otherwise.
///
/// Values are copied in and out: changing what `get` returned changes nothing in the dict (use
/// `modify`, or put handles into it). Keys are the same if their encoded bytes are. The order of
/// keys is not that of insertion. A Dict that contains a handle of itself never goes.
template <class K, class V>
class Dict {
  using Key = detail::dict_key_t<K>;

 public:
  using multiprocessing_handle = void;
  using key_type = K;
  using mapped_type = V;
  using value_type = std::pair<K, V>;

  /// Makes an empty dict. \throws ArenaExhausted, as everything that adds
  Dict() {
    detail::require_transferable<K>();
    detail::require_transferable<V>();
  }
  Dict(std::initializer_list<value_type> items) : Dict() { update(items); }
  /// Takes the pairs of a range: a map, a vector of pairs, another Dict's items().
  template <detail::PairRange R>
  explicit Dict(R&& items) : Dict() {
    update(std::forward<R>(items));
  }

  /// The value of a key, to read, assign or change: `d[k] = v; V v = d[k]; d[k] += 1`. Each is one
  /// atomic step. Reading or changing a key that is not there throws KeyError.
  detail::DictElement<Dict> operator[](Key key) const& { return {*this, key}; }
  detail::DictElement<Dict> operator[](Key key) && { return {std::move(*this), key}; }

  /// \throws KeyError naming the key
  [[nodiscard]] V at(Key key) const {
    if (std::optional<V> value = get(key)) return *std::move(value);
    throw_missing(key);
  }
  [[nodiscard]] std::optional<V> get(Key key) const {
    const detail::DictEncoded<K> encoded(key);
    detail::DictBytes bytes;
    if (!bytes_.get(encoded.bytes(), bytes)) return std::nullopt;
    return detail::decode_dict<V>(bytes.view());
  }
  template <std::convertible_to<V> U>
  [[nodiscard]] V get(Key key, U&& fallback) const {
    if (std::optional<V> value = get(key)) return *std::move(value);
    return std::forward<U>(fallback);
  }
  void set(Key key, const V& value) const {
    const detail::DictEncoded<K> encoded(key);
    const detail::DictEncoded<V> content(value);
    bytes_.set(encoded.bytes(), content.bytes(), content.handles());
  }
  /// The key's value, after `fallback` was set if there was none.
  V setdefault(Key key, const V& fallback = {}) const {
    return with(key, [&](Claim& claim, std::optional<V>& value) {
      if (!value) claim.write(fallback);
      return value ? *std::move(value) : fallback;
    });
  }
  /// Removes the key, returns its value. \throws KeyError naming it
  V pop(Key key) const {
    if (std::optional<V> value = take(key)) return *std::move(value);
    throw_missing(key);
  }
  template <std::convertible_to<V> U>
  V pop(Key key, U&& fallback) const {
    if (std::optional<V> value = take(key)) return *std::move(value);
    return std::forward<U>(fallback);
  }
  /// Removes some key (Python: the newest). \throws KeyError if there is none
  std::pair<K, V> popitem() const {
    for (detail::DictWalk walk(bytes_, false); !walk.done(); walk.step()) {
      K key = walk.key<K>();
      if (std::optional<V> value = take(key)) return {std::move(key), *std::move(value)};
    }
    throw KeyError("popitem(): dictionary is empty: ask empty() first");
  }
  /// Sets each pair of a range; one step a key.
  template <detail::PairRange R>
  void update(R&& items) const {
    for (auto&& [key, value] : items) set(key, value);
  }
  void update(std::initializer_list<value_type> items) const {
    for (const auto& [key, value] : items) set(key, value);
  }
  void update(const Dict& other) const { update(other.items()); }

  [[nodiscard]] bool contains(Key key) const {
    return bytes_.contains(detail::DictEncoded<K>(key).bytes());
  }
  /// Removes the key. False: it was not there.
  bool erase(Key key) const { return bytes_.erase(detail::DictEncoded<K>(key).bytes()); }
  /// Exact when nobody writes.
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  [[nodiscard]] bool empty() const { return size() == 0; }
  /// Removes what is there. Not one step: a key that is set meanwhile may stay.
  void clear() const { bytes_.clear(); }

  /// Calls f(V&) on a copy of the key's value, and sets it when `f` has returned; nobody else can
  /// write to the key meanwhile, reading sees the former value. Returns what `f` returns.
  ///
  /// A missing key begins as V{}. If `f` throws or its process dies, nothing has changed. `f` must
  /// not write to the same Dict (ValueError), and should be short: other keys wait with this one.
  template <std::invocable<V&> F>
  auto modify(Key key, F&& f) const {
    return with(key, [&](Claim& claim, std::optional<V>& found) {
      V value = found ? *std::move(found) : V{};
      if constexpr (std::is_void_v<std::invoke_result_t<F, V&>>) {
        std::invoke(std::forward<F>(f), value);
        claim.write(value);
      } else {
        auto result = std::invoke(std::forward<F>(f), value);
        claim.write(value);
        return result;
      }
    });
  }

  // Copies. Each key that is there throughout is in them once; they are of no single moment.
  [[nodiscard]] std::vector<K> keys() const {
    std::vector<K> all;
    walk(false, [&](const detail::DictWalk& at) { all.push_back(at.key<K>()); });
    return all;
  }
  [[nodiscard]] std::vector<V> values() const {
    std::vector<V> all;
    walk(true, [&](const detail::DictWalk& at) { all.push_back(at.value<V>()); });
    return all;
  }
  [[nodiscard]] std::vector<std::pair<K, V>> items() const {
    std::vector<std::pair<K, V>> all;
    walk(true, [&](const detail::DictWalk& at) { all.emplace_back(at.key<K>(), at.value<V>()); });
    return all;
  }
  [[nodiscard]] std::map<K, V> copy() const {
    std::map<K, V> all;
    walk(true,
         [&](const detail::DictWalk& at) { all.insert_or_assign(at.key<K>(), at.value<V>()); });
    return all;
  }

  /// Iterating yields keys, as in Python, each that is there throughout once; see items().
  [[nodiscard]] detail::DictIterator<K> begin() const { return detail::DictIterator<K>(bytes_); }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

  /// True if both are the same dict.
  friend bool operator==(const Dict& a, const Dict& b) noexcept {
    return a.bytes_.handle() == b.bytes_.handle();
  }
  /// {'hermione': 16, 'ron': 16}, by key where keys have an order.
  friend std::ostream& operator<<(std::ostream& out, const Dict& dict) {
    if constexpr (requires(const K& key) { key < key; }) {
      detail::write_map_repr(out, dict.copy());
    } else {
      detail::write_map_repr(out, dict.items());
    }
    return out;
  }

  [[nodiscard]] detail::HandleId handle_id() const noexcept { return bytes_.id(); }
  static Dict from_handle_id(detail::HandleId id) { return Dict(detail::ByteDict(id)); }

 private:
  friend class detail::DictElement<Dict>;

  explicit Dict(detail::ByteDict bytes) noexcept : bytes_(std::move(bytes)) {}

  /// A claimed key, as a type.
  class Claim {
   public:
    Claim(const detail::ByteDict& dict, std::span<const std::byte> key) : claim_(dict, key) {}
    std::optional<V> read() {
      detail::DictBytes bytes;
      if (!claim_.read(bytes)) return std::nullopt;
      return detail::decode_dict<V>(bytes.view());
    }
    void write(const V& value) {
      const detail::DictEncoded<V> content(value);
      claim_.write(content.bytes(), content.handles());
    }
    void erase() { claim_.erase(); }

   private:
    detail::DictClaim claim_;
  };

  template <class F>
  auto with(Key key, F f) const {
    const detail::DictEncoded<K> encoded(key);
    Claim claim(bytes_, encoded.bytes());
    std::optional<V> value = claim.read();
    return f(claim, value);
  }
  std::optional<V> take(Key key) const {
    return with(key, [](Claim& claim, std::optional<V>& value) {
      if (value) claim.erase();
      return std::move(value);
    });
  }
  /// For DictElement: the new value.
  template <class F>
  V change(Key key, F& f) const {
    return with(key, [&](Claim& claim, std::optional<V>& value) {
      if (!value) throw_missing(key);
      f(*value);
      claim.write(*value);
      return *std::move(value);
    });
  }
  template <class F>
  void walk(bool values, F f) const {
    for (detail::DictWalk at(bytes_, values); !at.done(); at.step()) f(at);
  }
  [[noreturn]] static void throw_missing(Key key) {
    throw KeyError(detail::repr(key) + " is no key of the dict: get() and contains() do not mind");
  }

  detail::ByteDict bytes_;
};

}  // namespace multiprocessing

// NOLINTBEGIN(cert-dcl58-cpp): a specialization for a type of our own
template <class K, class V>
struct std::hash<multiprocessing::Dict<K, V>> {
  std::size_t operator()(const multiprocessing::Dict<K, V>& dict) const noexcept {
    return std::hash<std::uint64_t>{}(dict.handle_id().value);
  }
};
// NOLINTEND(cert-dcl58-cpp)
