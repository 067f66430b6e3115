#pragma once

// Values sent to nobody and received again.

#include <cstddef>
#include <vector>

#include <multiprocessing/detail/codec.hpp>

namespace multiprocessing::test {

template <class T>
std::vector<std::byte> encoded(const T& value) {
  detail::Writer out;
  detail::encode_value(out, value);
  return {out.data(), out.data() + out.size()};
}

template <class T>
T decoded(const std::vector<std::byte>& bytes, bool trusted = true) {
  detail::Reader in(bytes.data(), bytes.size(), trusted);
  T value = detail::decode_value<T>(in);
  in.finish();
  return value;
}

template <class T>
T round_trip(const T& value) {
  return decoded<T>(encoded(value));
}

}  // namespace multiprocessing::test
