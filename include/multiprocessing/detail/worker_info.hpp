#pragma once

/// \file multiprocessing/detail/worker_info.hpp
/// What a task may ask about the worker that runs it: worker_index, worker_count, worker_state and
/// stop_requested, which are public.
///
///   threads   each is about the thread or worker that calls it

#include <memory>
#include <typeinfo>
#include <utility>

#include <multiprocessing/detail/export.hpp>
#include <multiprocessing/detail/pool_core.hpp>
#include <multiprocessing/errors.hpp>

namespace multiprocessing {

/// In a task: which worker this is, from 0; a replacement keeps the index of the one it replaces.
/// \throws ValueError in what is no worker.
[[nodiscard]] inline int worker_index() {
  return detail::current_worker_index();
}
/// In a task: how many workers the pool or executor has.
[[nodiscard]] inline int worker_count() {
  return detail::current_worker_count();
}
/// In a task: it has been asked to stop, since it overran its limit, or was cancelled, or the pool
/// is terminated. In a worker process SIGTERM follows, then SIGKILL. False in what is no worker.
[[nodiscard]] inline bool stop_requested() noexcept {
  return detail::current_stop_requested();
}

namespace detail {

/// The T of this thread; one for each T.
template <class T>
std::unique_ptr<T>& worker_state_slot() noexcept {
  thread_local std::unique_ptr<T> state;
  return state;
}

}  // namespace detail

/// In a task: the T of this worker, made by its default constructor at first use, or before by
/// emplace_worker_state. It lives as long as the worker.
template <class T>
[[nodiscard]] T& worker_state() {
  auto& slot = detail::worker_state_slot<T>();
  if (!slot) slot = std::make_unique<T>();
  return *slot;
}
/// In an initializer or task: makes the T of this worker, in place of one that there may be.
template <class T, class... Args>
T& emplace_worker_state(Args&&... args) {
  auto& slot = detail::worker_state_slot<T>();
  slot = std::make_unique<T>(std::forward<Args>(args)...);
  return *slot;
}

}  // namespace multiprocessing
