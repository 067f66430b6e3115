#pragma once

/// \file multiprocessing/detail/codec_containers.hpp
/// Codecs of the standard containers: a count, then the elements.

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <forward_list>
#include <iterator>
#include <list>
#include <map>
#include <queue>
#include <set>
#include <stack>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include <multiprocessing/detail/codec_plain.hpp>

namespace multiprocessing::detail {

template <class Range>
void encode_range(Writer& out, const Range& range, std::size_t count) {
  out.plain(std::uint64_t{count});
  for (const auto& element : range) encode_value(out, element);
}

/// A container that is filled from left to right.
template <class Sequence>
struct SequenceCodec {
  using Value = typename Sequence::value_type;
  using Parts = Types<Value>;
  static constexpr std::string_view kName = "sequence";  // a list arrives where a deque is expected
  static constexpr bool kFixed = false;

  static void encode(Writer& out, const Sequence& sequence) {
    encode_range(out, sequence, sequence.size());
  }
  static Sequence decode(Reader& in) {
    Sequence sequence;
    for (std::size_t i = in.count(); i > 0; --i) sequence.push_back(decode_value<Value>(in));
    return sequence;
  }
};

/// A container that finds the place itself; `Value` is without the const of a map's key.
template <class Set, class Value>
struct AssociativeCodec {
  using Parts = Types<Value>;
  static constexpr std::string_view kName = "associative";
  static constexpr bool kFixed = false;

  static void encode(Writer& out, const Set& set) { encode_range(out, set, set.size()); }
  static Set decode(Reader& in) {
    Set set;
    for (std::size_t i = in.count(); i > 0; --i) set.insert(set.end(), decode_value<Value>(in));
    return set;
  }
};

/// stack, queue and priority_queue: the container inside.
template <class Adaptor>
struct AdaptorCodec {
  using Container = typename Adaptor::container_type;
  using Parts = Types<Container>;
  static constexpr std::string_view kName = "adaptor";
  static constexpr bool kFixed = false;

  static void encode(Writer& out, const Adaptor& adaptor) {
    encode_value(out, adaptor.*(&Opened::c));
  }
  static Adaptor decode(Reader& in) {
    Adaptor adaptor;
    adaptor.*(&Opened::c) = decode_value<Container>(in);
    return adaptor;
  }

 private:
  struct Opened : Adaptor {
    using Adaptor::c;
  };
};

}  // namespace multiprocessing::detail

namespace multiprocessing {

template <class C, class Traits, class A>
struct Codec<std::basic_string<C, Traits, A>> {
  using String = std::basic_string<C, Traits, A>;
  using Parts = detail::Types<C>;
  static constexpr std::string_view kName = "string";
  static constexpr bool kFixed = false;

  static void encode(detail::Writer& out, const String& text) {
    detail::encode_array(out, text.data(), text.size());
  }
  static String decode(detail::Reader& in) { return detail::decode_array<String>(in); }
};

template <class T, class A>
struct Codec<std::vector<T, A>> {
  using Parts = detail::Types<T>;
  static constexpr std::string_view kName = "sequence";
  static constexpr bool kFixed = false;

  static void encode(detail::Writer& out, const std::vector<T, A>& vector) {
    if constexpr (detail::is_plain_v<T>) {
      detail::encode_array(out, vector.data(), vector.size());
    } else {
      detail::encode_range(out, vector, vector.size());
    }
  }
  static std::vector<T, A> decode(detail::Reader& in) {
    if constexpr (detail::is_plain_v<T>) {
      return detail::decode_array<std::vector<T, A>>(in);
    } else {
      return detail::SequenceCodec<std::vector<T, A>>::decode(in);
    }
  }
};

template <class A>
struct Codec<std::vector<bool, A>> {
  using Parts = detail::Types<bool>;
  static constexpr std::string_view kName = "bits";
  static constexpr bool kFixed = false;

  static void encode(detail::Writer& out, const std::vector<bool, A>& bits) {
    out.plain(std::uint64_t{bits.size()});
    for (const bool bit : bits) out.plain(static_cast<unsigned char>(bit));
  }
  static std::vector<bool, A> decode(detail::Reader& in) {
    const std::size_t count = in.count();
    std::vector<bool, A> bits;
    bits.reserve(count);
    const std::byte* byte = in.take(count);
    for (std::size_t i = 0; i < count; ++i) bits.push_back(byte[i] != std::byte{0});
    return bits;
  }
};

template <class T, class A>
struct Codec<std::deque<T, A>> : detail::SequenceCodec<std::deque<T, A>> {};
template <class T, class A>
struct Codec<std::list<T, A>> : detail::SequenceCodec<std::list<T, A>> {};

template <class T, class A>
struct Codec<std::forward_list<T, A>> {
  using Parts = detail::Types<T>;
  static constexpr std::string_view kName = "sequence";
  static constexpr bool kFixed = false;

  static void encode(detail::Writer& out, const std::forward_list<T, A>& list) {
    detail::encode_range(out, list,
                         static_cast<std::size_t>(std::distance(list.begin(), list.end())));
  }
  static std::forward_list<T, A> decode(detail::Reader& in) {
    std::forward_list<T, A> list;
    auto last = list.before_begin();
    for (std::size_t i = in.count(); i > 0; --i) {
      last = list.insert_after(last, detail::decode_value<T>(in));
    }
    return list;
  }
};

template <class T, class C, class A>
struct Codec<std::set<T, C, A>> : detail::AssociativeCodec<std::set<T, C, A>, T> {};
template <class T, class C, class A>
struct Codec<std::multiset<T, C, A>> : detail::AssociativeCodec<std::multiset<T, C, A>, T> {};
template <class T, class H, class E, class A>
struct Codec<std::unordered_set<T, H, E, A>>
    : detail::AssociativeCodec<std::unordered_set<T, H, E, A>, T> {};
template <class T, class H, class E, class A>
struct Codec<std::unordered_multiset<T, H, E, A>>
    : detail::AssociativeCodec<std::unordered_multiset<T, H, E, A>, T> {};

template <class K, class V, class C, class A>
struct Codec<std::map<K, V, C, A>>
    : detail::AssociativeCodec<std::map<K, V, C, A>, std::pair<K, V>> {};
template <class K, class V, class C, class A>
struct Codec<std::multimap<K, V, C, A>>
    : detail::AssociativeCodec<std::multimap<K, V, C, A>, std::pair<K, V>> {};
template <class K, class V, class H, class E, class A>
struct Codec<std::unordered_map<K, V, H, E, A>>
    : detail::AssociativeCodec<std::unordered_map<K, V, H, E, A>, std::pair<K, V>> {};
template <class K, class V, class H, class E, class A>
struct Codec<std::unordered_multimap<K, V, H, E, A>>
    : detail::AssociativeCodec<std::unordered_multimap<K, V, H, E, A>, std::pair<K, V>> {};

template <class T, class C>
struct Codec<std::stack<T, C>> : detail::AdaptorCodec<std::stack<T, C>> {};
template <class T, class C>
struct Codec<std::queue<T, C>> : detail::AdaptorCodec<std::queue<T, C>> {};
template <class T, class C, class Less>
struct Codec<std::priority_queue<T, C, Less>>
    : detail::AdaptorCodec<std::priority_queue<T, C, Less>> {};

template <class T, std::size_t N>
struct Codec<std::array<T, N>> {
  using Parts = detail::Types<T>;
  static constexpr std::string_view kName = "array";
  static constexpr std::size_t kExtra = N;
  static constexpr bool kFixed = detail::is_plain_v<T>;

  static void encode(detail::Writer& out, const std::array<T, N>& array) {
    if constexpr (kFixed) {
      detail::encode_plain(out, array);
    } else {
      if constexpr (N == 0) out.plain(std::byte{0});
      for (const T& element : array) detail::encode_value(out, element);
    }
  }
  static std::array<T, N> decode(detail::Reader& in) {
    if constexpr (kFixed) {
      return detail::decode_plain<std::array<T, N>>(in);
    } else {
      if constexpr (N == 0) in.take(1);
      return [&]<std::size_t... I>(std::index_sequence<I...>) {
        return std::array<T, N>{((void)I, detail::decode_value<T>(in))...};
      }(std::make_index_sequence<N>{});
    }
  }
};

template <std::size_t N>
struct Codec<std::bitset<N>> {
  using Parts = detail::Types<>;
  static constexpr std::string_view kName = "bitset";
  static constexpr std::size_t kExtra = N;
  static constexpr bool kFixed = true;

  static void encode(detail::Writer& out, const std::bitset<N>& bits) {
    detail::encode_plain(out, bits);
  }
  static std::bitset<N> decode(detail::Reader& in) {
    return detail::decode_plain<std::bitset<N>>(in);
  }
};

}  // namespace multiprocessing
