#include <multiprocessing/detail/local_task.hpp>
#include <multiprocessing/detail/thread_engine.hpp>

#include <chrono>
#include <cmath>
#include <thread>

#include "sys/clock.hpp"

namespace multiprocessing::detail {
namespace {

thread_local const LocalStop* current_stop = nullptr;

}  // namespace

LocalTask::~LocalTask() = default;

LocalStop::LocalStop(const StoppableTask& task, std::int64_t deadline) noexcept
    : task_(task), deadline_(deadline), outer_(current_stop) {
  current_stop = this;
}

LocalStop::~LocalStop() {
  current_stop = outer_;
}

bool LocalStop::late() const noexcept {
  return deadline_ != INT64_MAX && sys::now() > deadline_;
}

bool LocalStop::asked() const noexcept {
  return late() || task_.asked_to_stop() || current_threads_stop();
}

const LocalStop* LocalStop::current() noexcept {
  return current_stop;
}

void pause_before(const Retry& retry, int attempts) noexcept {
  const double span =
      static_cast<double>(retry.delay.count()) * std::pow(retry.backoff, attempts - 1);
  constexpr double kMost = 1e18;  // thirty years
  std::this_thread::sleep_for(
      std::chrono::nanoseconds(static_cast<std::int64_t>(span < kMost ? span : kMost)));
}

bool is_past(std::int64_t moment) noexcept {
  return sys::now() >= moment;
}

}  // namespace multiprocessing::detail
