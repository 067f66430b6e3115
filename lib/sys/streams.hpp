#pragma once

/// \file sys/streams.hpp
/// The standard streams, flushed without waiting for anybody.

namespace multiprocessing::sys {

/// Flushes stdout, stderr, cout, cerr and clog. A stream that another thread has locked is skipped,
/// because that thread may sit in it for ever.
void flush_standard_streams() noexcept;

}  // namespace multiprocessing::sys
