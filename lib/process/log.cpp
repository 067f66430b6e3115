#include "process/log.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <utility>

#include <multiprocessing/errors.hpp>

#include "process/current.hpp"
#include "process/notice.hpp"
#include "sys/io.hpp"
#include "sys/process.hpp"
#include "sys/streams.hpp"

namespace multiprocessing {
namespace process {
namespace {

constexpr int kStandardError = 2;
constexpr int kNothing = std::numeric_limits<int>::max();

struct Named {
  LogLevel level;
  const char* name;
  const char* variable;  // as MULTIPROCESSING_LOG has it
};
constexpr std::array<Named, 7> kLevels = {{{LogLevel::subdebug, "SUBDEBUG", "subdebug"},
                                           {LogLevel::debug, "DEBUG", "debug"},
                                           {LogLevel::info, "INFO", "info"},
                                           {LogLevel::subwarning, "SUBWARNING", "subwarning"},
                                           {LogLevel::warning, "WARNING", "warning"},
                                           {LogLevel::error, "ERROR", "error"},
                                           {LogLevel::critical, "CRITICAL", "critical"}}};

int level_from_environment() noexcept {
  const char* const text = ::secure_getenv("MULTIPROCESSING_LOG");
  if (text == nullptr || *text == '\0') return kNothing;
  for (const Named& level : kLevels) {
    if (std::string_view(text) == level.variable) return static_cast<int>(level.level);
  }
  notice("MULTIPROCESSING_LOG=" + std::string(text) +
         " is none of debug, info, warning, error and critical: nothing is logged");
  return kNothing;
}

// relaxed: a level and a function mean something by themselves
std::atomic<int> threshold{level_from_environment()};
std::atomic<LogSink> sink{write_record};
constinit const LogRoute* collector = nullptr;

enum class Heritage : std::uint8_t { untold, standard_error, route };

}  // namespace

void set_log_sink(LogSink to, LogLevel level) noexcept {
  sink.store(to, std::memory_order_release);
  threshold.store(to != nullptr ? static_cast<int>(level) : kNothing, std::memory_order_release);
}

void register_log_route(const LogRoute& to) noexcept {
  collector = &to;
}

void write_log_heritage(detail::Writer& out) {
  const LogSink mine = sink.load(std::memory_order_acquire);
  Heritage heritage = Heritage::untold;
  if (mine == write_record || mine == nullptr) heritage = Heritage::standard_error;
  if (collector != nullptr && mine == collector->sink) heritage = Heritage::route;
  out.plain(heritage);
  out.plain(std::int32_t{threshold.load(std::memory_order_acquire)});
  if (heritage == Heritage::route) collector->write(out);
}

void take_log_heritage(detail::Reader& in) {
  const auto heritage = in.plain<Heritage>();
  const auto level = in.plain<std::int32_t>();
  if (heritage == Heritage::untold) return;
  if (heritage == Heritage::route) {
    if (collector == nullptr) throw TransferError("this program has no collector of log records");
    collector->read(in);
    sink.store(collector->sink, std::memory_order_release);
  }
  threshold.store(level, std::memory_order_release);
}

bool is_logged(LogLevel level) noexcept {
  return static_cast<int>(level) >= threshold.load(std::memory_order_acquire);
}

void write_record(const LogRecord& record) {
  const std::string line =
      "[" + level_name(record.level) + "/" + record.process + "] " + record.text + "\n";
  sys::flush_standard_streams();
  (void)sys::write_full(kStandardError, line.data(), line.size());
}

void note(LogLevel level, std::string_view text, const std::source_location& where) noexcept {
  try {
    log(level, text, where);
  } catch (...) {  // NOLINT(bugprone-empty-catch): a handler's trouble is not the library's
  }
}

}  // namespace process

void log(LogLevel level, std::string_view text, const std::source_location& where) {
  if (!process::is_logged(level)) return;
  const process::LogSink to = process::sink.load(std::memory_order_acquire);
  if (to == nullptr) return;
  LogRecord record;
  record.level = level;
  record.text = text;
  record.process = process::current_title();
  record.pid = sys::current_pid();
  record.file = where.file_name();
  record.line = where.line();
  record.time = std::chrono::system_clock::now();
  to(record);
}

void set_log_level(LogLevel level) noexcept {
  process::threshold.store(static_cast<int>(level), std::memory_order_release);
}

LogLevel log_level() noexcept {
  return static_cast<LogLevel>(process::threshold.load(std::memory_order_acquire));
}

std::string level_name(LogLevel level) {
  for (const process::Named& named : process::kLevels) {
    if (named.level == level) return named.name;
  }
  return level == LogLevel::notset ? "NOTSET" : "Level " + std::to_string(static_cast<int>(level));
}

}  // namespace multiprocessing
