#pragma once

/// \file multiprocessing/detail/task_options.hpp
/// TaskOptions, Retry and retry_on, which are public: how one task is to be treated.
///
/// \code
///   executor.submit({.timeout = 3s, .retry = retry_on<std::system_error>({.attempts = 5})}, fetch,
///   url);
/// \endcode

#include <chrono>
#include <exception>
#include <optional>
#include <string>

#include <multiprocessing/detail/timeout.hpp>
#include <multiprocessing/detail/token.hpp>

namespace multiprocessing {

/// Tries again a task whose worker died or that overran its limit, at most `attempts` times in all.
/// Before the second attempt the worker waits for `delay`, before each further one `backoff` times
/// as long; none begins later than `stop_after` the first.
struct Retry {
  int attempts = 3;
  std::chrono::nanoseconds delay{0};
  double backoff = 1;
  Timeout stop_after{};

  using Matches = bool (*)(const std::exception_ptr& thrown);
  Matches matches = nullptr;  // set by retry_on: exceptions after which it is tried again, too
};

namespace detail {

template <class... E>
bool is_any_of(const std::exception_ptr& thrown) {
  const auto is = []<class Type>(const std::exception_ptr& error, Type*) {
    try {
      std::rethrow_exception(error);
    } catch (const Type&) {
      return true;
    } catch (...) {
      return false;
    }
  };
  return (is(thrown, static_cast<E*>(nullptr)) || ...);
}

}  // namespace detail

/// As `retry`, and also after the task has thrown one of E.
template <class... E>
[[nodiscard]] Retry retry_on(Retry retry = {}) {
  retry.matches = &detail::is_any_of<E...>;
  return retry;
}

struct TaskOptions {
  Timeout timeout{};             // a duration counts from when a worker begins the task
  std::optional<Retry> retry{};  // empty: as the pool or executor says
  int priority = 0;              // higher ones are begun first; beyond 2 and -2 as those
  std::string name{};            // for errors; empty: the function's
};

}  // namespace multiprocessing

namespace multiprocessing::detail {

/// TaskOptions as the task takes them with it, in front of its arguments.
struct Terms {
  std::int64_t timeout = INT64_MAX;   // from the start of each attempt
  std::int64_t deadline = INT64_MAX;  // a fixed moment
  std::int64_t delay = 0;
  std::int64_t stop_after = INT64_MAX;     // from the first attempt
  std::int64_t stop_deadline = INT64_MAX;  // a fixed moment
  double backoff = 1;
  CodeToken matches{};
  std::uint32_t attempts = 0;  // 0: as the pool says
  std::uint32_t catches = 0;   // 1: `matches` names something
};

MULTIPROCESSING_API Terms terms_from(const TaskOptions& options);

}  // namespace multiprocessing::detail
