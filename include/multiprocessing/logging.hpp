#pragma once

/// \file multiprocessing/logging.hpp
/// What the library and the program have to say about their processes, and the state of them all.
///
/// Mirrors `multiprocessing.log_to_stderr` and `get_logger`.
///
///   sharing   level and handler are each process's own; a child begins with its parent's. A
///             handler without `collect` goes to forked children only: others begin as the program
///   threads   every function may be called concurrently; a handler may be called by several
///   threads
///             at a time, with `collect` by one
///   ordering  with `collect`, records of one process arrive in the order in which it made them
///   death     a record of a process that is killed is whole or not there
///
/// Until somebody asks for more, nothing is logged. The variable MULTIPROCESSING_LOG (debug, info,
/// warning, error or critical) is as good as a call of `log_to_stderr` first thing in main.
///
/// \code
///   mp::log_to_stderr();
///   mp::log(mp::LogLevel::info, "doomed");  // [INFO/MainProcess] doomed
/// \endcode

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <iostream>
#include <source_location>
#include <string>
#include <string_view>

#include <multiprocessing/detail/export.hpp>
#include <multiprocessing/detail/vocabulary.hpp>

namespace multiprocessing {

/// Python's levels, and the two of its `multiprocessing.util`. Numbers in between may be used.
enum class LogLevel : std::int32_t {
  notset = 0,
  subdebug = 5,
  debug = 10,
  info = 20,
  subwarning = 25,
  warning = 30,
  error = 40,
  critical = 50
};

/// One thing said.
struct LogRecord {
  LogLevel level = LogLevel::notset;
  std::string text;
  std::string process;  ///< its name: "MainProcess", "Process-1"
  pid_t pid = 0;
  std::string file;  ///< of the call of `log`; of the library's own records, too
  std::uint32_t line = 0;
  std::chrono::system_clock::time_point time;
};

struct LogOptions {
  bool collect = false;             ///< the records of the whole family come to this process
  LogLevel level = LogLevel::info;  ///< less than that is not made at all
};

/// Writes the records of this process and its later children from `level` on to standard error, as
/// `[INFO/Process-1] text`, in place of what a handler would do.
MULTIPROCESSING_API void log_to_stderr(LogLevel level = LogLevel::info);

/// Calls `handler` with each record, instead of what was done before; an empty one: nothing.
/// With `collect` the records of this process and of its later children are brought here, and a
/// thread of the library calls it; those that were made by then are there at exit, or when the
/// handler is replaced.
/// \throws ArenaExhausted, std::system_error (EAGAIN): with `collect`
MULTIPROCESSING_API void set_log_handler(std::function<void(const LogRecord&)> handler,
                                         LogOptions options = {});

/// The level from which on records are made. Children started later begin with it.
MULTIPROCESSING_API void set_log_level(LogLevel level) noexcept;
/// Above `critical` if nothing is logged.
[[nodiscard]] MULTIPROCESSING_API LogLevel log_level() noexcept;

/// Makes a record, if its level is asked for. \throws what the handler throws
MULTIPROCESSING_API void log(LogLevel level, std::string_view text,
                             const std::source_location& where = std::source_location::current());

/// "INFO", "Level 7".
[[nodiscard]] MULTIPROCESSING_API std::string level_name(LogLevel level);

/// Writes what the whole family is doing: its processes, who holds which lock and who waits for it,
/// how much is in each queue, what the workers of each pool do, how much memory is in use. Holds
/// nothing up and waits for nobody; each line is as of its own moment. Locks and queues between the
/// threads of one process are not in it.
MULTIPROCESSING_API void dump_state(std::ostream& out = std::cerr);

}  // namespace multiprocessing
