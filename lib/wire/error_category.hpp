#pragma once

/// \file wire/error_category.hpp
/// std::error_code as bytes: the name of its category and the value.

#include <system_error>

#include <multiprocessing/detail/codec_stream.hpp>

namespace multiprocessing::wire {

void encode_error_code(detail::Writer& out, const std::error_code& code);

/// A category of the standard library is itself; any other is represented by one of its name.
std::error_code decode_error_code(detail::Reader& in);

}  // namespace multiprocessing::wire
