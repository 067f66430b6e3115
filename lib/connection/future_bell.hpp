#pragma once

// Futures as descriptors that can be polled.
//
//   sharing   private to a process; a forked child begins anew
//   threads   every function may be called concurrently
//   ordering  a bell is rung after its future is done: who sees it readable sees the result
//   death     of a worker: its future is done then

#include <memory>

#include <multiprocessing/detail/future_base.hpp>

#include "sys/fd.hpp"

namespace multiprocessing::connection {

class FutureBell {
 public:
  explicit FutureBell(const detail::FutureBase* future);
  FutureBell(const FutureBell&) = delete;
  FutureBell& operator=(const FutureBell&) = delete;
  ~FutureBell();

  [[nodiscard]] int fd() const noexcept { return bell_.get(); }
  void ring() const noexcept;

 private:
  const detail::FutureBase* const future_;
  const sys::UniqueFd bell_;
};

/// What is readable once the future is done, and stays so. All waits for a future share one,
/// however many there are and however they end: it goes with the last of them and the future's end.
/// Keep the future longer. \throws std::system_error naming eventfd, or the thread that runs
/// callbacks
[[nodiscard]] std::shared_ptr<FutureBell> bell_of(detail::FutureBase& future);

}  // namespace multiprocessing::connection
