#pragma once

// Where records come from. What becomes of them is up to the sink: standard error, unless
// lib/logging has put another one in its place.
//
//   sharing   private to a process; a child begins with its parent's level and sink, but for a
//             handler of the parent's where it was not forked
//   threads   every function may be called concurrently
//   death     each record is handed over as a whole

#include <source_location>
#include <string_view>

#include <multiprocessing/detail/codec_stream.hpp>
#include <multiprocessing/logging.hpp>

namespace multiprocessing::process {

using LogSink = void (*)(const LogRecord& record);

/// Where records from `level` on go; nullptr: nowhere.
void set_log_sink(LogSink to, LogLevel level) noexcept;

/// A sink that children have, too, which are not forked: it tells them where it sends records.
struct LogRoute {
  LogSink sink;
  void (*write)(detail::Writer& out);
  void (*read)(detail::Reader& in);
};
/// Of static storage. Before main().
void register_log_route(const LogRoute& to) noexcept;

/// For a child that is not forked: the level, and where records go, if it can be told.
void write_log_heritage(detail::Writer& out);
/// In such a child. Where it could not be told, all is as at the program's start.
void take_log_heritage(detail::Reader& in);

/// One line, in one write: `[INFO/Process-1] text`.
void write_record(const LogRecord& record);

/// For the library's own records: never fails.
void note(LogLevel level, std::string_view text,
          const std::source_location& where = std::source_location::current()) noexcept;

/// Whether such a record would go anywhere: asked before a text is put together.
[[nodiscard]] bool is_logged(LogLevel level) noexcept;

}  // namespace multiprocessing::process
