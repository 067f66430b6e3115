#pragma once

// The one thread that calls callbacks for what other processes complete.
//
//   sharing   private to a process; begun at the first callback, again after a fork
//   threads   every function may be called concurrently
//   death     it ends with the process, in whatever it is

#include <memory>

#include <multiprocessing/detail/future_base.hpp>

namespace multiprocessing::executor {

/// Has `future`'s callbacks called as soon as it is done. \throws std::system_error naming the
/// thread
void watch(std::shared_ptr<detail::FutureBase> future);

/// Blocks until those that are done by now have had theirs called. Nothing in that thread itself.
void flush() noexcept;

}  // namespace multiprocessing::executor
