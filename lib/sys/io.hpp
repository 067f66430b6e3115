#pragma once

/// \file sys/io.hpp
/// Whole reads and writes over calls that may be short or interrupted. Async-signal-safe.

#include <sys/types.h>

#include <cstddef>

namespace multiprocessing::sys {

/// Reads until `count` bytes have come or the file ends. Returns how many came, or -1 with `errno`
/// (what came before the error is lost to the caller).
ssize_t read_full(int fd, void* bytes, std::size_t count) noexcept;

/// Writes all `count` bytes; false with `errno` if that failed part-way.
bool write_full(int fd, const void* bytes, std::size_t count) noexcept;

/// Opens, reads into `text` and closes the small file at `path`. Writes a terminating zero, so that
/// at most `capacity` - 1 bytes are read. Returns how many, or -1 with `errno`.
ssize_t read_text(const char* path, char* text, std::size_t capacity) noexcept;

/// Calls `visit(number, argument)` for each number in the text file at `path`, however long it is;
/// for none if it cannot be read.
void for_each_number(const char* path, void (*visit)(long number, void* argument),
                     void* argument) noexcept;

}  // namespace multiprocessing::sys
