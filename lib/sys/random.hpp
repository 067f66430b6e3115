#pragma once

/// \file sys/random.hpp
/// Bytes that nobody can guess.

#include <cstddef>
#include <span>

namespace multiprocessing::sys {

/// At most 256 bytes, from the kernel.
/// \throws std::system_error naming getrandom.
void fill_with_random(std::span<std::byte> bytes);

}  // namespace multiprocessing::sys
