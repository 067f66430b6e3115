#pragma once

/// \file multiprocessing/detail/wait_set.hpp
/// One wait for several queues and descriptors at once. Compiled in lib/queue.
///
///   sharing   a plain object of one process
///   threads   one at a time
///   ordering  what was written before an item was put is seen after the get that brings it
///   death     a death in the family ends no wait but is looked for during it

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include <multiprocessing/detail/export.hpp>

namespace multiprocessing::detail {

class ByteQueue;

class MULTIPROCESSING_API WaitSet {
 public:
  WaitSet();
  WaitSet(const WaitSet&) = delete;
  WaitSet& operator=(const WaitSet&) = delete;
  ~WaitSet();

  /// Ready while it holds something or is shut down. The queue must outlive the set.
  void add(const ByteQueue& queue);
  /// Ready while it is readable or hung up.
  void add(int fd);

  /// The indices, in ascending order, of those that are ready; waits until the deadline (of
  /// Timeout::deadline) for the first one. None: it has passed.
  /// \throws std::system_error (EBADF) if a descriptor is not open, KeyboardInterrupt
  [[nodiscard]] std::vector<std::size_t> wait(std::int64_t deadline);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace multiprocessing::detail
