#pragma once

// Where records come from. What becomes of them is up to the sink: standard error, unless
// lib/logging has put another one in its place.
//
//   sharing   private to a process; a forked child begins with its parent's level and sink
//   threads   every function may be called concurrently
//   death     each record is handed over as a whole

#include <source_location>
#include <string_view>

#include <multiprocessing/logging.hpp>

namespace multiprocessing::process {

using LogSink = void (*)(const LogRecord& record);

/// Records from `level` on go to `sink`; nullptr: nowhere.
void set_log_sink(LogSink sink, LogLevel level) noexcept;

/// One line, in one write: `[INFO/Process-1] text`.
void write_record(const LogRecord& record);

/// For the library's own records: never fails.
void note(LogLevel level, std::string_view text,
          const std::source_location& where = std::source_location::current()) noexcept;

/// Whether such a record would go anywhere: asked before a text is put together.
[[nodiscard]] bool is_logged(LogLevel level) noexcept;

}  // namespace multiprocessing::process
