// A view means nothing in another process.

#include <multiprocessing/detail/codec.hpp>

#include <string_view>

void send(multiprocessing::detail::Writer& out, std::string_view text) {
  multiprocessing::detail::encode_value(out, text);
}
