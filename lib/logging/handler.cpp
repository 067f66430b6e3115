// What becomes of records: standard error, a handler here, or a queue to the process that collects.

#include <atomic>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include <multiprocessing/detail/codec.hpp>
#include <multiprocessing/logging.hpp>
#include <multiprocessing/queues.hpp>
#include <multiprocessing/threading.hpp>

#include "process/children.hpp"
#include "process/log.hpp"
#include "sys/process.hpp"
#include "sys/thread.hpp"

namespace multiprocessing {
namespace logging {
namespace {

using Handler = std::function<void(const LogRecord&)>;

/// Brings the records of the family to this process. In a forked child it is where to put them.
struct Collector {
  Collector() : process(sys::current_pid()) {}
  /// In a child that was not forked: where to put them.
  explicit Collector(Queue<LogRecord> to) : records(std::move(to)), process(0) {}

  Queue<LogRecord> records;
  pid_t process;
  std::optional<threading::Thread> thread;
  Collector* before = nullptr;  // among those that have been replaced
};

// Ordering. Each pair is named where it is used.
//   [H] install (release) -> sinks (acquire)   the handler or collector is whole
// Both are never destroyed, as another thread, or a child forked meanwhile, may be using them.
constinit std::atomic<const Handler*> handler{nullptr};
constinit std::atomic<Collector*> collector{nullptr};
constinit std::atomic<Collector*> replaced{nullptr};  // where they can be found
constinit std::mutex installing;

void call_handler(const LogRecord& record) {
  const Handler* const f = handler.load(std::memory_order_acquire);  // [H]
  if (f != nullptr && *f) (*f)(record);
}

void send_to_collector(const LogRecord& record) {
  Collector* const to = collector.load(std::memory_order_acquire);  // [H]
  if (to == nullptr) return;
  try {
    to->records.put(record);
  } catch (const ShutDown&) {  // NOLINT(bugprone-empty-catch): nobody collects any more
  }
}

void write_route(detail::Writer& out) {
  Collector* const to = collector.load(std::memory_order_acquire);  // [H]
  std::optional<Queue<LogRecord>> records;
  if (to != nullptr) records = to->records;
  detail::encode_value(out, records);
}

void read_route(detail::Reader& in) {
  auto records = detail::decode_value<std::optional<Queue<LogRecord>>>(in);
  if (!records) return;
  collector.store(new Collector(std::move(*records)), std::memory_order_release);  // [H]
}

constexpr process::LogRoute kRoute{send_to_collector, write_route, read_route};
const bool at_load = (process::register_log_route(kRoute), true);

/// The records that were made by now are delivered. Nothing in a forked child.
void finish(Collector* former) noexcept {
  if (former == nullptr) return;
  former->before = replaced.exchange(former, std::memory_order_relaxed);  // only kept
  if (former->process != sys::current_pid() || !former->thread) return;
  try {
    former->records.shutdown();
    former->thread->join();
  } catch (...) {  // NOLINT(bugprone-empty-catch): interrupted: what was not delivered is lost
  }
  sys::count_service_thread(-1);
}

void finish_at_exit() noexcept {
  process::Children::end_all();  // they may have something to say
  finish(collector.exchange(nullptr, std::memory_order_acq_rel));
}

void collect(const Queue<LogRecord>& records, const Handler& f) {
  for (const LogRecord& record : records) {
    try {
      f(record);
    } catch (...) {
      process::set_log_sink(nullptr, LogLevel::critical);
      throw;  // told as any exception that ends a thread
    }
  }
}

std::unique_ptr<Collector> start_collecting(Handler f) {
  auto made = std::make_unique<Collector>();
  made->thread.emplace(threading::ThreadOptions{.name = "log collector", .daemon = true},
                       [records = made->records, f = std::move(f)] { collect(records, f); });
  made->thread->start();
  sys::count_service_thread(+1);
  static const bool at_exit = std::atexit([] { finish_at_exit(); }) == 0;
  (void)at_exit;
  return made;
}

}  // namespace
}  // namespace logging

void log_to_stderr(LogLevel level) {
  const std::lock_guard guard(logging::installing);
  process::set_log_sink(process::write_record, level);
  logging::finish(logging::collector.exchange(nullptr, std::memory_order_acq_rel));
}

void set_log_handler(std::function<void(const LogRecord&)> handler, LogOptions options) {
  const std::lock_guard guard(logging::installing);
  logging::Collector* former = nullptr;
  if (!handler) {
    process::set_log_sink(nullptr, options.level);
    former = logging::collector.exchange(nullptr, std::memory_order_acq_rel);
  } else if (options.collect) {
    auto made = logging::start_collecting(std::move(handler));
    former = logging::collector.exchange(made.release(), std::memory_order_acq_rel);  // [H]
    process::set_log_sink(logging::send_to_collector, options.level);
  } else {
    logging::handler.store(new logging::Handler(std::move(handler)),
                           std::memory_order_release);  // [H]
    process::set_log_sink(logging::call_handler, options.level);
    former = logging::collector.exchange(nullptr, std::memory_order_acq_rel);
  }
  logging::finish(former);
}

}  // namespace multiprocessing
