#include <multiprocessing/futures.hpp>

#include <dlfcn.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <string>

#include <multiprocessing/detail/bell.hpp>

#include "sys/clock.hpp"

namespace multiprocessing {
namespace {

std::atomic<bool> exiting{false};

// From here on nobody waits for tasks.
void note_exit() noexcept {
  static const bool registered = (std::atexit([] { exiting.store(true); }), true);
  (void)registered;
}

// An object of static storage lies in a loaded module; its destructor runs when the program ends.
bool is_static(const void* object) noexcept {
  Dl_info info;
  return ::dladdr(object, &info) != 0;
}

std::atomic<int> prefixes{0};

std::string prefix_of(const std::string& wanted) {
  if (!wanted.empty()) return wanted;
  return "ThreadPoolExecutor-" + std::to_string(prefixes.fetch_add(1));
}

}  // namespace

Executor::~Executor() = default;

bool Executor::hurried() const noexcept {
  return std::uncaught_exceptions() > unwinding_ || exiting.load() || is_static(this);
}

int ThreadPoolExecutor::default_workers() {
  return std::min(32, cpu_count() + 4);
}

ThreadPoolExecutor::ThreadPoolExecutor(int max_workers, ThreadPoolExecutorOptions options)
    : Executor(options.max_pending),
      threads_(detail::make_threads({max_workers, false, prefix_of(options.thread_name_prefix),
                                     std::move(options.initializer)})) {
  note_exit();
}

ThreadPoolExecutor::~ThreadPoolExecutor() {
  try {
    const bool hurry = hurried();
    if (hurry) detail::ask_to_stop(*threads_);
    shutdown(true, hurry);
  } catch (...) {
    detail::report_ignored("~ThreadPoolExecutor", std::current_exception());
  }
}

void ThreadPoolExecutor::shutdown(bool wait, bool cancel_futures) {
  detail::shut_down(*threads_, wait, cancel_futures);
}

std::size_t ThreadPoolExecutor::worker_limit() const noexcept {
  return detail::thread_count(*threads_);
}

void ThreadPoolExecutor::post(std::shared_ptr<detail::LocalTask> task, int priority) {
  detail::post_task(*threads_, std::move(task), priority);
}

ProcessPoolExecutor::ProcessPoolExecutor(int max_workers, ProcessPoolExecutorOptions options)
    : Executor(options.max_pending), retry_(std::move(options.retry)) {
  if (max_workers < 1) {
    throw ValueError("max_workers must be at least 1, not " + std::to_string(max_workers));
  }
  if (retry_) (void)detail::terms_from({.retry = retry_});
  PoolOptions pool;
  pool.processes = max_workers;
  pool.initializer = std::move(options.initializer);
  pool.maxtasksperchild = options.max_tasks_per_child;
  pool.method = options.method;
  pool.task_timeout = options.task_timeout;
  pool.worker = std::move(options.worker);
  if (!pool.worker.daemon) pool.worker.daemon = false;
  core_ = detail::make_pool(std::move(pool), true);
  note_exit();
}

ProcessPoolExecutor::~ProcessPoolExecutor() {
  try {
    if (!hurried()) shutdown(true, false);
  } catch (...) {
    detail::report_ignored("~ProcessPoolExecutor", std::current_exception());
  }
  detail::end_pool(*core_);
}

void ProcessPoolExecutor::shutdown(bool wait, bool cancel_futures) {
  detail::close_pool(*core_);
  if (cancel_futures) detail::cancel_queued(*core_);
  if (!wait) return;
  detail::join_pool(*core_);
}

std::size_t ProcessPoolExecutor::worker_limit() const noexcept {
  return detail::pool_size(*core_);
}

void ProcessPoolExecutor::terminate_workers() {
  detail::end_workers(*core_);
}

void ProcessPoolExecutor::kill_workers() {
  detail::end_workers(*core_);
  detail::kill_pool(*core_);
}

TaskOptions ProcessPoolExecutor::with_retry(TaskOptions options) const {
  if (!options.retry) options.retry = retry_;
  return options;
}

const detail::PoolCore* ProcessPoolExecutor::processes() {
  return &core_;
}

void ProcessPoolExecutor::post(std::shared_ptr<detail::LocalTask>, int) {
  throw TransferError("this executor's workers are processes");
}

void SerialExecutor::shutdown(bool, bool) {
  closed_ = true;
}

void SerialExecutor::post(std::shared_ptr<detail::LocalTask> task, int) {
  if (closed_)
    throw ValueError("cannot schedule new futures after shutdown: make another executor");
  task->run();
}

}  // namespace multiprocessing

namespace multiprocessing::detail {

namespace {

constexpr std::int64_t kTendEvery = 100'000'000;

}  // namespace

bool Tender::now() noexcept {
  const std::int64_t moment = sys::now();
  if (moment - last_ < kTendEvery) return false;
  last_ = moment;
  return true;
}

struct Admission::Look {
  Admission& self;
  Tender tender{};

  // Drops what is done, the oldest first: later ones count until then, which only delays.
  bool room() {
    const std::lock_guard guard(self.lock_);
    if (self.out_.size() < self.most_) return true;
    std::erase_if(self.out_, [](const auto& future) { return future->done(); });
    if (self.out_.size() < self.most_) return true;
    if (tender.now()) self.out_.front()->tend();
    return false;
  }
};

void Admission::await() {
  Look look{*this};
  (void)wait_for_bell([](void* at) { return static_cast<Look*>(at)->room(); }, &look, INT64_MAX);
}

void Admission::add(std::shared_ptr<FutureBase> future) {
  const std::lock_guard guard(lock_);
  out_.push_back(std::move(future));
}

void throw_not_transferable() {
  throw TransferError(
      "this callable, its arguments or its result cannot be sent to a worker process: bind values "
      "with partial(f, args...), or wrap a closure that captures by value only in by_value(...)");
}

}  // namespace multiprocessing::detail
